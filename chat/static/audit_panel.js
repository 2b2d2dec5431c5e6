import { audit } from "./account_api.js";
import { button, element } from "./dom.js";
import { openPanel } from "./panel.js";
import { timeOf } from "./when.js";

const PAGE = 50;

const WORDS = {
  create_invite: "made an invite",
  revoke_invite: "revoked an invite",
  deactivate_user: "deactivated",
  reactivate_user: "reactivated",
  create_password_reset: "made a password link for",
  reset_password: "set the password of",
  delete_room: "deleted the room",
  delete_message: "deleted a message of",
  make_admin: "made an admin of",
  remove_admin: "took the admin's rights from",
  create_user: "made the account of",
};

/** What admins did, the newest first. */
export function openAudit() {
  const list = element("ol", "rows");
  const said = element("p", "hint");
  said.setAttribute("role", "status");
  let before;
  const more = button("Show older", () => load());
  more.hidden = true;

  async function load() {
    more.disabled = true;
    try {
      const { entries, next } = await audit({ limit: PAGE, ...(before !== undefined && { before }) });
      const items = entries.map(entryItem);
      list.append(...items);
      before = next ?? undefined;
      more.hidden = before === undefined;
      said.textContent = list.children.length ? "" : "Nothing yet.";
      if (more.hidden && more === document.activeElement) list.lastElementChild?.focus();
    } catch (error) {
      said.textContent = error.message;
      more.hidden = false;
    }
    more.disabled = false;
  }

  list.tabIndex = 0; // a list that scrolls must be reached by the keyboard
  list.setAttribute("aria-label", "What admins did, newest first");
  openPanel("What admins did", element("p", "hint", "Every member can read this."), list, said, more);
  load();
}

function entryItem({ timestamp, actor, action, user, subject }) {
  const item = element("li");
  const line = element("p", "row-words");
  line.append(element("bdi", "row-title", actor ?? "The operator"), ` ${WORDS[action] ?? action}`);
  if (user) line.append(" ", element("bdi", "row-title", user));
  if (subject) line.append(" ", element("bdi", action === "delete_room" ? "row-title" : "row-details", subject));
  item.append(line, timeOf(timestamp));
  item.tabIndex = -1;
  return item;
}
