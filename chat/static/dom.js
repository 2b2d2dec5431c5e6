export const byId = (id) => document.getElementById(id);

const ICONS = new URL("icons.svg", import.meta.url).pathname;

/** Text goes in as text: nothing that people wrote is ever parsed as HTML. */
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

export function button(label, onClick, className = "") {
  const made = element("button", className, label);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

export function icon(name) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${ICONS}#${name}`);
  made.setAttribute("class", "icon");
  made.setAttribute("aria-hidden", "true");
  made.append(use);
  return made;
}

/** Right-to-left writing decides its own direction, and cannot turn what stands beside it around. */
export function written(tag, className, text) {
  const made = element(tag, className, text);
  made.dir = "auto";
  return made;
}

/** A disc with the first letter of a name, in a colour that stays the same for it. */
export function avatar(name) {
  const made = element("span");
  made.setAttribute("aria-hidden", "true");
  paintAvatar(made, name);
  return made;
}

export function paintAvatar(disc, name) {
  disc.className = `avatar hue-${hueOf(name)}`;
  disc.textContent = initialOf(name);
}

function initialOf(name) {
  const [first] = new Intl.Segmenter().segment(name);
  return first.segment.toLocaleUpperCase();
}

function hueOf(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return sum % 8;
}
