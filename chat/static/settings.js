import { byId } from "./dom.js";
import { mayNotify, whyNoNotifications } from "./notices.js";
import { preferences } from "./preferences.js";
import { playSound } from "./sound.js";

/** The dialog of what one can choose for this browser. */
export class Settings {
  #dialog = byId("settings");
  #isAdmin;

  constructor({ isAdmin, onConnect, onSignOut, onAccount, onAdmin, onAudit }) {
    this.#isAdmin = isAdmin;
    byId("open-settings").addEventListener("click", () => this.open());
    byId("close-settings").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
    this.#dialog.addEventListener("change", (event) => this.#changed(event.target));
    byId("disconnect").addEventListener("click", () => this.#leaveTo(onConnect));
    byId("sign-out").addEventListener("click", () => this.#leaveTo(onSignOut));
    for (const [id, onOpen] of [["open-account", onAccount], ["open-admin", onAdmin], ["open-audit", onAudit]]) {
      byId(id).addEventListener("click", () => this.#leaveTo(onOpen));
    }
  }

  open() {
    for (const choice of this.#dialog.querySelectorAll("[name=theme]")) choice.checked = choice.value === preferences.theme;
    byId("sound").checked = preferences.sound;
    byId("open-admin").hidden = !this.#isAdmin();
    this.#showNotify();
    this.#dialog.showModal();
  }

  close() {
    this.#dialog.close();
  }

  #leaveTo(action) {
    this.#dialog.close();
    action();
  }

  #changed(control) {
    if (control.name === "theme") preferences.theme = control.value;
    else if (control.id === "notify") this.#setNotify(control.checked);
    else if (control.id === "sound") this.#setSound(control.checked);
  }

  async #setNotify(wanted) {
    preferences.notify = wanted && (await mayNotify());
    this.#showNotify();
    const refused = wanted && !preferences.notify && !whyNoNotifications();
    if (refused) byId("notify-hint").textContent = "The browser was not allowed to show them.";
  }

  #setSound(wanted) {
    preferences.sound = wanted;
    if (wanted) playSound();
  }

  #showNotify() {
    const obstacle = whyNoNotifications();
    byId("notify").checked = preferences.notify && !obstacle;
    byId("notify").disabled = Boolean(obstacle);
    byId("notify-hint").textContent = obstacle;
  }
}
