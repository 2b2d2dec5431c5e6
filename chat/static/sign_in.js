import * as api from "./api.js";
import { byId } from "./dom.js";

// Which field a refusal is about; what is not here stands below the form.
const FIELD_OF = [
  [/^(name_|username)/, "username"],
  [/^(password_|wrong_credentials)/, "password"],
];
const ASK_FOR_ANOTHER = "Ask whoever invited you for a new link.";

/** One form for those who have an account and those who want one. */
export class SignIn {
  #form = byId("sign-in");
  #username = byId("username");
  #password = byId("password");
  #submitButton = byId("sign-in-submit");
  #isNew = false;
  #invite;
  #mayCreate = true;
  #shown = 0;
  #onSignedIn;

  /** `onSignedIn` is told whether the account is a new one. */
  constructor({ onSignedIn }) {
    this.#onSignedIn = onSignedIn;
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    byId("sign-in-toggle").addEventListener("click", () => {
      this.#switchTo(!this.#isNew);
      (this.#username.value ? this.#password : this.#username).focus();
    });
    byId("show-password").addEventListener("click", () => this.#reveal(this.#password.type === "password"));
    for (const field of [this.#username, this.#password]) field.addEventListener("input", () => sayAt(field.id, ""));
  }

  /** `invite` is the code of a link that was followed, `rules` a promise of what /registration says. */
  async show({ reason = "", username = "", invite, rules }) {
    const number = ++this.#shown;
    this.#invite = invite ?? this.#invite;
    if (username) this.#username.value = username;
    byId("signed-out-reason").textContent = reason;
    this.#allow({ registration: "open", has_admin: true });
    this.#switchTo(Boolean(invite));
    (this.#username.value ? this.#password : this.#username).focus();
    const known = await rules;
    if (number === this.#shown) this.#allow(known);
  }

  /** Nothing of who signed in stays in the page. */
  empty() {
    this.#form.reset();
    this.#reveal(false);
    this.#invite = undefined;
  }

  #allow({ registration, has_admin: hasAdmin }) {
    const isInvited = this.#invite !== undefined;
    const isOpen = registration === "open" || (registration === "invite" && (isInvited || !hasAdmin));
    this.#mayCreate = isOpen;
    byId("sign-in-banner").textContent = banner({ isOpen, isInvited, isFirst: isOpen && !hasAdmin });
    byId("sign-in-toggle").hidden = !isOpen;
    byId("who-may-come").textContent = isOpen ? "" : obstacle(registration);
    // Without an account there is none to sign in to.
    if (isOpen && !hasAdmin) this.#switchTo(true);
    else if (isOpen) this.#question();
    else this.#switchTo(false);
  }

  #switchTo(isNew) {
    this.#isNew = isNew && this.#mayCreate;
    byId("sign-in-title").textContent = this.#isNew ? "Create an account" : "Sign in";
    this.#submitButton.textContent = this.#isNew ? "Create account" : "Sign in";
    byId("password-rule").hidden = !this.#isNew;
    // What is hidden is read out all the same when a field names it.
    this.#password.setAttribute("aria-describedby", this.#isNew ? "password-rule password-error" : "password-error");
    this.#password.autocomplete = this.#isNew ? "new-password" : "current-password";
    this.#question();
    clearErrors();
  }

  #question() {
    byId("sign-in-question").textContent = this.#isNew ? "Not new here?" : "New here?";
    byId("sign-in-toggle").textContent = this.#isNew ? "Sign in" : "Create an account";
  }

  #reveal(visible) {
    this.#password.type = visible ? "text" : "password";
    byId("show-password").ariaPressed = String(visible);
  }

  async #submit(event) {
    event.preventDefault();
    clearErrors();
    if (!this.#username.value) return sayAt("username", "Enter your username.", this.#username);
    if (!this.#password.value) return sayAt("password", "Enter your password.", this.#password);
    this.#submitButton.disabled = true;
    try {
      await this.#enter(this.#username.value, this.#password.value);
      await this.#onSignedIn({ isNew: this.#isNew });
    } catch (error) {
      this.#refused(error);
    } finally {
      this.#submitButton.disabled = false;
    }
  }

  #enter(username, password) {
    return this.#isNew ? api.createUser(username, password, this.#invite) : api.login(username, password);
  }

  #refused({ code, message }) {
    if (code === "account_made") {
      byId("sign-in-banner").textContent = "";
      this.#switchTo(false);
    }
    const field = FIELD_OF.find(([codes]) => codes.test(code ?? ""))?.[1];
    if (field) sayAt(field, message, byId(field));
    else byId("sign-in-error").textContent = code?.startsWith("invite_") ? `${message} ${ASK_FOR_ANOTHER}` : message;
  }
}

function banner({ isOpen, isInvited, isFirst }) {
  if (isFirst) return "This server has no admin yet. The first account becomes the admin of this server.";
  if (!isInvited) return "";
  if (isOpen) return "You have been invited. Choose a name and a password.";
  return "You have been invited, but this server takes no new accounts.";
}

function obstacle(registration) {
  if (registration === "closed") return "Whoever runs this server makes the accounts: ask them for one.";
  return "An account needs an invite: ask an admin of this server for a link.";
}

function clearErrors() {
  sayAt("username", "");
  sayAt("password", "");
  byId("sign-in-error").textContent = "";
}

function sayAt(field, sentence, focused) {
  byId(`${field}-error`).textContent = sentence;
  byId(field).ariaInvalid = sentence ? "true" : null;
  focused?.focus();
}
