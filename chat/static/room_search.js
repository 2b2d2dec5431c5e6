/** The rooms whose name fits what was typed, the best first: begins with it, has a word that does, holds it.
 *  Joined rooms come before others that fit as well. `isExact` says that a room of this very name exists. */
export function findRooms(rooms, typed) {
  const wanted = fold(typed);
  const fits = rooms.map((room) => ({ room, rank: rankOf(fold(room.name), wanted) })).filter(({ rank }) => rank < Infinity);
  fits.sort((one, other) => one.rank - other.rank || other.room.joined - one.room.joined);
  return { found: fits.map(({ room }) => room), isExact: rooms.some((room) => same(room.name) === same(typed)) };
}

function rankOf(name, wanted) {
  if (!wanted || name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  if (!name.includes(wanted)) return Infinity;
  return wordBegins(name, wanted) ? 2 : 3;
}

function wordBegins(name, wanted) {
  for (let place = name.indexOf(wanted); place >= 0; place = name.indexOf(wanted, place + 1)) {
    if (!/[\p{L}\p{N}]$/u.test(name.slice(0, place))) return true;
  }
  return false;
}

const same = (name) => name.normalize("NFKC").toLowerCase();

// Accents may be left out while one searches.
const fold = (name) => name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
