import { showNotice } from "./notice.js";

/** Does something with a part of the page that is not loaded when the page opens, as most people never need it.
 *
 *  After an upgrade of the server the older parts are gone: then only a reload helps. */
export async function withPart(load, act, otherwise = offerReload) {
  let part;
  try {
    part = await load();
  } catch {
    return otherwise();
  }
  return act(part);
}

function offerReload() {
  showNotice("This part of the page could not be loaded.", { action: "Reload", onAction: () => location.reload() });
}
