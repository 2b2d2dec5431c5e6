import * as api from "./account_api.js";
import { ask } from "./confirm.js";
import { element, written } from "./dom.js";
import { Field, folded, form } from "./form.js";
import { openPanel, section } from "./panel.js";
import { rowItem, Rows } from "./rows.js";
import { showSecret } from "./secret.js";
import { shortly } from "./user_agent.js";
import { timeOf } from "./when.js";

const RULE = "8 to 256 characters. A few words in a row are easy to remember.";

/** What belongs to one's account. `onDeleted` is called once it is no more. */
export function openAccount({ me, onDeleted }) {
  const sessions = sessionRows();
  openPanel(
    "Your account",
    section("Password", folded("Change password", passwordForm(me, () => sessions.refresh()))),
    section("Where you are signed in", sessions.element),
    tokenSection(),
    section("Delete account", folded("Delete your account", deletionForm(me, onDeleted))),
  );
}

const currentPassword = (label = "Password") => new Field({ label, type: "password", autocomplete: "current-password" });

const fieldOf = (code) => ({ wrong_password: "password" })[code] ?? "";

function passwordForm(me, onChanged) {
  const made = form({
    label: "Change password",
    fields: {
      password: currentPassword("Current password"),
      new_password: new Field({ label: "New password", type: "password", autocomplete: "new-password", hint: RULE }),
    },
    submit: "Change password",
    fieldOf: (code) => fieldOf(code) || (code.startsWith("password_") ? "new_password" : ""),
    onSubmit: async ({ password, new_password: newPassword }) => {
      await api.changePassword(password, newPassword);
      onChanged();
      return "Your password is changed. Your other browsers were signed out.";
    },
  });
  made.prepend(hiddenUsername(me.username));
  return made;
}

// For a password manager, which must know whose password this is.
function hiddenUsername(username) {
  const made = element("input");
  Object.assign(made, { name: "username", value: username, defaultValue: username, autocomplete: "username", hidden: true });
  return made;
}

function sessionRows() {
  const rows = new Rows({
    label: "Where you are signed in",
    empty: "",
    load: async () => (await api.sessions()).sessions,
    toItem: ({ session_id: id, user_agent: userAgent, last_used: lastUsed, current }) => {
      const name = shortly(userAgent);
      const title = element("p", "row-title", name);
      title.title = userAgent ?? "";
      if (current) return rowItem(title, ["This one"]);
      return rowItem(title, ["last used ", timeOf(lastUsed)], rows.button("Sign out", name, () => api.endSession(id)));
    },
  });
  return rows;
}

function tokenSection() {
  const shown = element("div");
  const rows = new Rows({
    label: "API tokens",
    empty: "You have none. A token lets a program of yours act as you, without your password.",
    load: async () => (await api.tokens()).tokens,
    toItem: ({ token_id: id, name, created, last_used: lastUsed }) => {
      const details = lastUsed > created ? ["last used ", timeOf(lastUsed)] : ["made ", timeOf(created), ", never used"];
      const sentence = `Revoke the token ${name}? Programs that use it are shut out at once.`;
      const revoke = async () => (await ask(sentence, "Revoke")) && api.revokeToken(id);
      return rowItem(written("p", "row-title", name), details, rows.button("Revoke", name, revoke));
    },
  });
  const creation = form({
    label: "New token",
    fields: {
      name: new Field({ label: "Name of the token", hint: "What it is for: “backup script”.", maxLength: 64 }),
      password: currentPassword(),
    },
    submit: "Create token",
    fieldOf: (code) => fieldOf(code) || (code.startsWith("name_") ? "name" : ""),
    onSubmit: async ({ name, password }) => {
      const { token } = await api.createToken(name, password);
      const hint = "Keep it like a password: it is shown only now.";
      const bringIntoView = showSecret(shown, "The new token", token, hint, example(token));
      rows.refresh().then(bringIntoView);
      return "";
    },
  });
  return section("API tokens", rows.element, folded("New token", creation, shown));
}

function example(token) {
  const made = element("pre", "example");
  const lines = [`curl -H 'Authorization: Bearer ${token}'`, "-d room=lobby -d message=Hello", `${location.origin}/send_message`];
  made.append(element("code", "", lines.join(" \\\n  ")));
  return made;
}

function deletionForm(me, onDeleted) {
  const name = new Field({ label: `Type ${me.username} to confirm` });
  const choices = element("fieldset");
  choices.append(
    element("legend", "", "What you wrote"),
    choice("keep", "stays, as written by “deleted user”", true),
    choice("delete", "is deleted, in every room", false),
  );
  const made = form({
    label: "Delete your account",
    before: [element("p", "hint", "You are signed out everywhere, at once. This cannot be undone."), choices],
    fields: { password: currentPassword(), name },
    submit: "Delete account",
    look: "primary danger",
    fieldOf,
    onSubmit: async ({ password, name: typed }) => {
      if (typed.trim() !== me.username) return name.say(`Type ${me.username} to confirm.`);
      await api.deleteAccount(password, new FormData(made).get("messages"));
      return onDeleted();
    },
  });
  return made;
}

function choice(value, label, checked) {
  const made = element("label");
  const input = element("input");
  Object.assign(input, { type: "radio", name: "messages", value, checked, defaultChecked: checked });
  made.append(input, label);
  return made;
}
