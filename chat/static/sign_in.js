import * as api from "./api.js";
import { byId } from "./dom.js";

// Which field a refusal is about; what is not here stands below the form.
const FIELD_OF = [
  [/^(name_|username)/, "username"],
  [/^(password_|wrong_credentials)/, "password"],
];

/** One form for those who have an account and those who want one. */
export class SignIn {
  #form = byId("sign-in");
  #username = byId("username");
  #password = byId("password");
  #submitButton = byId("sign-in-submit");
  #isNew = false;
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

  show(reason = "") {
    this.#switchTo(false);
    byId("signed-out-reason").textContent = reason;
    (this.#username.value ? this.#password : this.#username).focus();
  }

  /** Nothing of who signed in stays in the page. */
  empty() {
    this.#form.reset();
    this.#reveal(false);
  }

  #switchTo(isNew) {
    this.#isNew = isNew;
    byId("sign-in-title").textContent = isNew ? "Create an account" : "Sign in";
    this.#submitButton.textContent = isNew ? "Create account" : "Sign in";
    byId("sign-in-question").textContent = isNew ? "Not new here?" : "New here?";
    byId("sign-in-toggle").textContent = isNew ? "Sign in" : "Create an account";
    byId("password-rule").hidden = !isNew;
    // What is hidden is read out all the same when a field names it.
    this.#password.setAttribute("aria-describedby", isNew ? "password-rule password-error" : "password-error");
    this.#password.autocomplete = isNew ? "new-password" : "current-password";
    clearErrors();
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
    const enter = this.#isNew ? api.createUser : api.login;
    this.#submitButton.disabled = true;
    try {
      await enter(this.#username.value, this.#password.value);
      await this.#onSignedIn({ isNew: this.#isNew });
    } catch (error) {
      this.#refused(error);
    } finally {
      this.#submitButton.disabled = false;
    }
  }

  #refused({ code, message }) {
    const field = FIELD_OF.find(([codes]) => codes.test(code ?? ""))?.[1];
    if (field) sayAt(field, message, byId(field));
    else byId("sign-in-error").textContent = message;
  }
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
