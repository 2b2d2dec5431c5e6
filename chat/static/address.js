/** The room named in the address bar, "" when there is none: a link to a room is `/#lobby`. */
export function roomInAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

export const addressOf = (room) => `#${encodeURIComponent(room)}`;

export function goTo(room) {
  location.hash = addressOf(room);
}

/** For an address that nobody chose: Back must not lead to it. */
export function correctAddress(room) {
  history.replaceState(null, "", room ? addressOf(room) : location.pathname);
}
