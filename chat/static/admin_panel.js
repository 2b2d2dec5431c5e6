import * as api from "./admin_api.js";
import { ask } from "./confirm.js";
import { avatar, element } from "./dom.js";
import { Field, folded, form } from "./form.js";
import { openPanel, section } from "./panel.js";
import { rowItem, Rows } from "./rows.js";
import { showSecret } from "./secret.js";
import { timeOf } from "./when.js";

const MOST_SHOWN = 50;
const ONCE = "It is shown only now.";

/** Who may come in, and who is here. */
export function openAdministration({ me }) {
  openPanel("Invites and people", invitesSection(), peopleSection(me));
}

function invitesSection() {
  const shown = element("div");
  const rows = new Rows({
    label: "Invites",
    empty: "There is no invite that could still be used.",
    load: async () => (await api.invites()).invites,
    toItem: ({ invite_id: id, created_by: by, expires, uses_left: left }) => {
      const name = left === 1 ? "For one person" : `For ${left} people`;
      const sentence = "Revoke this invite? Its link then lets nobody in.";
      const revoke = async () => (await ask(sentence, "Revoke")) && api.revokeInvite(id);
      const details = [`invite ${id}, until `, timeOf(expires), ", made by ", element("bdi", "", by ?? "the operator")];
      return rowItem(element("p", "row-title", name), details, rows.button("Revoke", name, revoke));
    },
  });
  const creation = form({
    label: "New invite",
    fields: {
      uses: numberField({ label: "For how many people", value: 1, max: 1_000 }),
      hours: numberField({ label: "For how many hours", hint: "168 hours are a week.", value: 168, max: 8_760 }),
    },
    submit: "Make an invite",
    onSubmit: async ({ uses, hours }) => {
      const { path } = await api.createInvite(Number(uses), Number(hours));
      const hint = `Give this link to whom you invite. ${ONCE}`;
      const bringIntoView = showSecret(shown, "Link of the new invite", location.origin + path, hint);
      await rows.refresh();
      bringIntoView();
    },
  });
  return section("Invites", rows.element, folded("New invite", creation, shown));
}

const numberField = (options) => new Field({ type: "number", min: 1, ...options });

function peopleSection(me) {
  const shown = element("div");
  let everyone = [];
  const find = new Field({ label: "Find a person", type: "search" });
  const rows = new Rows({
    label: "People",
    empty: "Nobody has such a name.",
    more: () => (everyone.length > MOST_SHOWN ? "Type a part of a name to see others." : ""),
    load: async () => {
      everyone = (await api.users()).users;
      return found();
    },
    toItem: (user) => personItem(user, me, rows, shown),
  });
  const found = () => {
    const wanted = fold(find.value);
    return everyone.filter(({ username }) => fold(username).includes(wanted)).slice(0, MOST_SHOWN);
  };
  find.input.addEventListener("input", () => rows.show(found()));
  return section("People", find.element, shown, rows.element);
}

const fold = (name) => name.normalize("NFKC").toLowerCase();

function personItem({ username, admin, deactivated }, me, rows, shown) {
  const title = element("p", "row-title");
  title.append(element("bdi", "", username));
  const details = [username === me.username && "you", admin && "admin", deactivated && "deactivated"].filter(Boolean).join(", ");
  const buttons = username === me.username ? [] : actions({ username, deactivated }, rows, shown);
  const item = rowItem(title, [details], ...buttons);
  item.prepend(avatar(username));
  return item;
}

function actions({ username, deactivated }, rows, shown) {
  if (deactivated) return [reactivation(username, rows)];
  return [
    rows.button("Reset password", username, async () => {
      const { path, expires } = await api.createPasswordReset(username);
      const hint = `Give this link to ${username} and nobody else, until ${timeOf(expires).textContent}. ${ONCE}`;
      showSecret(shown, `Link for ${username}`, location.origin + path, hint);
      return false;
    }),
    rows.button("Deactivate", username, async () => {
      const sentence = `Deactivate ${username}? They are signed out everywhere and cannot sign in until you reactivate them.`;
      return (await ask(sentence, "Deactivate")) && api.deactivateUser(username);
    }),
  ];
}

function reactivation(username, rows) {
  return rows.button("Reactivate", username, async () => {
    const sentence = `Reactivate ${username}? They can then sign in again.`;
    return (await ask(sentence, "Reactivate", { isDanger: false })) && api.reactivateUser(username);
  });
}
