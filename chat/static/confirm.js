import { byId } from "./dom.js";

/** Asks before something is done that cannot be undone; true when the person says so. */
export function ask(sentence, yes) {
  const dialog = byId("confirm");
  byId("confirm-text").textContent = sentence;
  byId("confirm-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
