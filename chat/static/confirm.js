import { byId } from "./dom.js";

/** Asks before something is done that others will feel, or that cannot be undone; true when the person says so. */
export function ask(sentence, yes, { isDanger = true } = {}) {
  const dialog = byId("confirm");
  byId("confirm-text").textContent = sentence;
  byId("confirm-yes").textContent = yes;
  byId("confirm-yes").classList.toggle("danger", isDanger);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
