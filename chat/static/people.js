import { byId } from "./dom.js";
import { showNobody, showPeople } from "./people_view.js";
import { Presence } from "./presence.js";
import { TypingLine } from "./typing_line.js";

/** Who is in the room on screen, and who is writing there. */
export class People {
  #presence = new Presence();
  #typing = new TypingLine(byId("typing"));
  #me;
  #isAway = false;

  constructor({ me }) {
    this.#me = me;
  }

  startOver() {
    this.#presence.startOver();
    this.#typing.clear();
    showNobody(this.#isAway);
  }

  connectionIs(state) {
    this.#isAway = state === "offline" || state === "waiting";
    if (this.#isAway) this.startOver();
  }

  /** What follows names everyone anew. */
  wentLive() {
    this.#presence.startOver();
  }

  receivePresence(frame) {
    this.#presence.update(frame);
    showPeople(this.#presence, this.#me());
  }

  receiveTyping({ usernames }) {
    this.#typing.show(usernames.filter((name) => name !== this.#me()));
  }

  said(username) {
    this.#typing.stopped(username);
  }
}
