/** The keys that work wherever the focus is. */
export function installShortcuts({ onFind, onNeighbour, onWrite }) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented) return;
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      onFind();
    } else if (document.querySelector("dialog[open]")) {
      return;
    } else if (event.altKey && !event.ctrlKey && !event.metaKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      onNeighbour(event.key === "ArrowUp" ? -1 : 1);
    } else if (beginsToWrite(event)) {
      onWrite();
    }
  });
}

// A letter typed while nothing in particular has the focus is the beginning of a message. The space key scrolls.
function beginsToWrite({ key, ctrlKey, metaKey, altKey }) {
  const nowhere = document.activeElement === document.body || document.activeElement?.id === "scroller";
  return nowhere && !ctrlKey && !metaKey && !altKey && [...key].length === 1 && key !== " ";
}
