import { forget, keep, kept } from "./storage.js";

// Read by theme.js, before the first picture, as plain text.
const THEME = "chat.theme";

/** What a person has chosen in this browser; nothing of it is private. */
export const preferences = {
  get theme() {
    return document.documentElement.dataset.theme ?? "system";
  },
  set theme(name) {
    if (name === "system") {
      delete document.documentElement.dataset.theme;
      forget(THEME);
    } else {
      document.documentElement.dataset.theme = name;
      keepText(THEME, name);
    }
  },
  get notify() {
    return kept("chat.notify") === true;
  },
  set notify(wanted) {
    keep("chat.notify", wanted);
  },
  get sound() {
    return kept("chat.sound") === true;
  },
  set sound(wanted) {
    keep("chat.sound", wanted);
  },
  get peopleShown() {
    return kept("chat.people") !== false;
  },
  set peopleShown(wanted) {
    keep("chat.people", wanted);
  },
};

function keepText(key, text) {
  try {
    localStorage.setItem(key, text);
  } catch {
    return;
  }
}
