import * as api from "./api.js";
import { byId } from "./dom.js";

/** One form for those who have an account and those who want one. */
export class SignIn {
  #form = byId("sign-in");
  #username = byId("username");
  #password = byId("password");
  #error = byId("sign-in-error");
  #submitButton = byId("sign-in-submit");
  #isNew = false;
  #onSignedIn;

  constructor({ onSignedIn }) {
    this.#onSignedIn = onSignedIn;
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    byId("sign-in-toggle").addEventListener("click", () => this.#switchTo(!this.#isNew));
    byId("show-password").addEventListener("change", (event) => this.#reveal(event.target.checked));
  }

  show(reason) {
    this.#switchTo(false);
    this.#form.hidden = false;
    byId("signed-out-reason").textContent = reason;
    this.#username.focus();
  }

  hide() {
    this.#form.hidden = true;
    this.#password.value = "";
    byId("show-password").checked = false;
    this.#reveal(false);
  }

  #switchTo(isNew) {
    this.#isNew = isNew;
    byId("sign-in-title").textContent = isNew ? "Create an account" : "Sign in";
    this.#submitButton.textContent = isNew ? "Create account" : "Sign in";
    byId("sign-in-toggle").textContent = isNew ? "I have an account" : "New here? Create an account";
    byId("password-rule").hidden = !isNew;
    this.#password.autocomplete = isNew ? "new-password" : "current-password";
    this.#error.textContent = "";
  }

  #reveal(visible) {
    this.#password.type = visible ? "text" : "password";
  }

  async #submit(event) {
    event.preventDefault();
    const enter = this.#isNew ? api.createUser : api.login;
    this.#error.textContent = "";
    this.#submitButton.disabled = true;
    try {
      await enter(this.#username.value, this.#password.value);
      this.#onSignedIn(await api.whoami());
    } catch (error) {
      this.#error.textContent = error.message;
      this.#password.focus();
    } finally {
      this.#submitButton.disabled = false;
    }
  }
}
