const MOST_COUNTED = 100;

/** What the page knows of every room: joined or not, how recent, how much of it is unread.
 *
 *  The server's listing says how many messages are unread up to a cursor; what comes after that cursor is counted
 *  here from the frames. A room is `{name, id, joined, lastAt, read, head}`, times in milliseconds. */
export class Rooms {
  #rooms = new Map();
  #onChange;

  constructor(onChange = () => {}) {
    this.#onChange = onChange;
  }

  /** Takes over a whole listing; what is known from frames that are newer than it is kept. False when the server had
   *  yet to hear of something that was read here: what it counted is too much. */
  load({ rooms, cursor }) {
    const former = new Map(this.#rooms);
    for (const name of this.replacedIn({ rooms })) former.delete(name);
    this.#rooms = new Map(rooms.map((listed) => [listed.room_name, roomFrom(listed, cursor, former.get(listed.room_name))]));
    this.#onChange();
    return !rooms.some((listed) => isBehind(listed, former.get(listed.room_name)));
  }

  /** The names under which the listing has another room than before: the former was deleted meanwhile. */
  replacedIn({ rooms }) {
    const isOther = ({ room_name: name, room_id: id }) => this.#rooms.has(name) && this.#rooms.get(name).id !== id;
    return rooms.filter(isOther).map((listed) => listed.room_name);
  }

  clear() {
    this.#rooms.clear();
    this.#onChange();
  }

  get(name) {
    return this.#rooms.get(name);
  }

  get all() {
    return [...this.#rooms.values()].sort(byActivity);
  }

  get joined() {
    return this.all.filter((room) => room.joined);
  }

  get unread() {
    return this.joined.reduce((sum, room) => sum + unreadIn(room), 0);
  }

  unreadIn(name) {
    const room = this.#rooms.get(name);
    return room ? unreadIn(room) : 0;
  }

  /** Whether the server counted so much that nobody will want to be sent all of it. */
  hasRunAhead(name) {
    return (this.#rooms.get(name)?.listedUnread ?? 0) >= MOST_COUNTED;
  }

  /** A message came; mine are never unread. */
  heard({ room: name, cursor, timestamp }, mine) {
    const room = this.#rooms.get(name);
    if (!room || cursor <= room.head) return;
    room.head = cursor;
    room.lastAt = Math.max(room.lastAt, Date.parse(timestamp));
    if (!mine && cursor > room.read) {
      room.fresh.push(cursor);
      if (room.fresh.length > MOST_COUNTED) room.fresh.shift();
    }
    this.#onChange();
  }

  /** The person has the end of the room before them, a message with this cursor; false when nothing was unread. */
  readToEnd(name, cursor) {
    const room = this.#rooms.get(name);
    if (!room || (cursor <= room.read && !unreadIn(room))) return false;
    this.#read(room, cursor);
    room.counted = 0;
    return true;
  }

  /** The person has read the room up to the cursor somewhere else; false when it is not known what that leaves
   *  unread: the listing tells how many messages are unread, not which. */
  readElsewhere(name, cursor) {
    const room = this.#rooms.get(name);
    if (!room || cursor <= room.read) return true;
    this.#read(room, cursor);
    if (cursor >= room.countedTo) room.counted = 0;
    return room.counted === 0;
  }

  #read(room, cursor) {
    room.read = Math.max(room.read, cursor);
    room.fresh = room.fresh.filter((unread) => unread > cursor);
    this.#onChange();
  }

  /** The room is no more. */
  remove(name) {
    if (this.#rooms.delete(name)) this.#onChange();
  }

  /** False for a room that no listing has named yet. */
  setJoined(name, joined) {
    const room = this.#rooms.get(name);
    if (!room) return false;
    if (room.joined !== joined) {
      Object.assign(room, { joined, counted: 0, fresh: [], read: Math.max(room.read, room.head) });
      this.#onChange();
    }
    return true;
  }
}

export const unreadIn = (room) => Math.min(room.counted + room.fresh.length, MOST_COUNTED);

/** "7", or "99+" for more than fits. */
export const unreadLabel = (number) => (number < MOST_COUNTED ? String(number) : `${MOST_COUNTED - 1}+`);

function roomFrom(listed, cursor, former) {
  const read = Math.max(listed.read ?? 0, listed.joined ? (former?.read ?? 0) : 0);
  const behind = isBehind(listed, former);
  const lastAt = listed.last_message_at ? Date.parse(listed.last_message_at) : 0;
  return {
    name: listed.room_name,
    id: listed.room_id,
    joined: listed.joined,
    lastAt: Math.max(lastAt, former?.lastAt ?? 0),
    head: Math.max(cursor, former?.head ?? 0),
    read,
    counted: behind ? former.counted : (listed.unread ?? 0),
    countedTo: cursor,
    listedUnread: listed.unread ?? 0,
    fresh: (former?.fresh ?? []).filter((unread) => unread > (behind ? read : Math.max(cursor, read))),
  };
}

const isBehind = (listed, former) => listed.unread > 0 && former?.joined && former.read > listed.read;

function byActivity(one, other) {
  return other.lastAt - one.lastAt || one.name.localeCompare(other.name);
}
