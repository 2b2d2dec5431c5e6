// A name never stands here with a bare "=": `addressOf` writes it as %3D.
const CODE = /^#(invite|reset)=([^=]+)$/;

/** The room named in the address bar, "" when there is none: a link to a room is `/#lobby`. */
export function roomInAddress() {
  try {
    return CODE.test(location.hash) ? "" : decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

/** The one-time code of a link that was followed, `/#invite=…` or `/#reset=…`, as `{kind, code}`; null without one.
 *  It is taken out of the address bar at once: neither the history nor who looks on is to have it. */
export function takeCode() {
  const [, kind, code] = CODE.exec(location.hash) ?? [];
  if (!kind) return null;
  correctAddress("");
  return { kind, code };
}

export const addressOf = (room) => `#${encodeURIComponent(room)}`;

export function goTo(room) {
  location.hash = addressOf(room);
}

/** For an address that nobody chose: Back must not lead to it. */
export function correctAddress(room) {
  history.replaceState(null, "", room ? addressOf(room) : location.pathname);
}
