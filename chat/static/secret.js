import { button, element } from "./dom.js";

/** Shows in `place` something to hand on that is shown this once: a link, a token; with a button that copies it.
 *  What it gives brings it into view again, when what stands above has grown. */
export function showSecret(place, label, text, hint, ...more) {
  const box = element("div", "secret");
  const field = element("input");
  const said = element("p", "hint", hint);
  field.readOnly = true;
  field.value = text;
  field.setAttribute("aria-label", label);
  field.addEventListener("focus", () => field.select());
  said.setAttribute("role", "status");
  const line = element("div", "secret-line");
  line.append(field, button("Copy", async () => {
    said.textContent = (await copied(field)) ? "Copied." : "This browser does not let the page copy: select it and press Ctrl C.";
  }));
  box.append(line, said, ...more);
  place.replaceChildren(box);
  field.focus();
  const bringIntoView = () => box.scrollIntoView({ block: "nearest" });
  bringIntoView();
  return bringIntoView;
}

export async function copyText(text) {
  const field = element("textarea");
  field.value = text;
  document.body.append(field);
  await copied(field);
  field.remove();
}

async function copied(field) {
  try {
    await navigator.clipboard.writeText(field.value); // only over https and on localhost
    return true;
  } catch {
    field.select();
    return document.execCommand("copy");
  }
}
