import { roomInAddress, takeCode } from "./address.js";
import * as api from "./api.js";
import { history } from "./pager.js";
import { kept } from "./storage.js";

export const LAST_ROOM = "chat.lastRoom";

/** Everything the first picture needs is asked for at once: it is there after one round trip.
 *
 *  Gives promises of the person, of the listing of rooms, and of a page of the room that will most likely be shown. */
export function askAll() {
  const room = roomInAddress() || kept(LAST_ROOM);
  const asked = { person: api.whoami(), listing: api.rooms(), asked: room ? { room, page: history(room) } : null };
  // A refusal is told where the answer is used.
  for (const promise of [asked.person, asked.listing, asked.asked?.page]) promise?.catch(() => {});
  return asked;
}

/** Who may make an account here; without an answer, the server will say so when they try. */
export function askWhoMayCome() {
  return api.registration().catch(() => ({ registration: "open", has_admin: true }));
}

/** The code of the link that the page was opened with. */
export const firstCode = takeCode();

const isStranger = document.documentElement.dataset.visitor === "signed-out";

/** Asked before the rest of the page is here: this file stands alone in index.html, and does not wait for the others.
 *  Not for a stranger, who would be refused: for them it is who may make an account. */
export const firstAnswers = isStranger || firstCode?.kind === "reset" ? null : askAll();
export const firstRegistration = isStranger ? askWhoMayCome() : null;
