import { button, element, icon } from "./dom.js";

let sections = 0;

/** A dialog that is made when it is opened and gone when it is closed: nothing that it showed stays in the page.
 *  The browser gives the focus back to where it came from. */
export function openPanel(title, ...content) {
  const dialog = element("dialog", "panel");
  const heading = element("h2", "", title);
  const close = button("", () => dialog.close(), "quiet");
  close.ariaLabel = `Close: ${title}`;
  close.append(icon("close"));
  heading.id = "panel-title";
  dialog.setAttribute("aria-labelledby", heading.id);
  const head = element("div", "dialog-head");
  head.append(heading, close);
  const body = element("div", "panel-body");
  body.append(...content);
  dialog.append(head, body);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export function section(title, ...content) {
  const made = element("section");
  const heading = element("h3", "", title);
  heading.id = `section-${++sections}`;
  heading.tabIndex = -1;
  made.setAttribute("aria-labelledby", heading.id);
  made.append(heading, ...content);
  return made;
}
