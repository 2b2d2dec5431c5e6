const WORKER = "/service_worker.js";
const VERSION = import.meta.url.split("/").at(-2);

let registration;
let address;

/** Lets the page open without the server where the browser can; `onUpgrade` is called when a newer version is ready. */
export async function installShell({ onUpgrade }) {
  try {
    const workers = navigator.serviceWorker; // only over https and on localhost
    if (!workers) return;
    workers.addEventListener("controllerchange", () => tellOf(onUpgrade));
    registration = workers.register(workerAddress());
    await registration;
  } catch (error) {
    console.info("This page opens only while the server is there:", error.message);
  }
}

/** A browser looks by itself only when a page is opened, and this page stays open for days. */
export async function checkForUpgrade() {
  try {
    await (await registration)?.update();
  } catch {
    // The server went away again; the next reconnect asks again.
  }
}

// A worker forgets the files of other versions before it is active, so their absence says that this page is old.
async function tellOf(onUpgrade) {
  await activated(navigator.serviceWorker.controller);
  const isKept = await caches.has(`chat-${VERSION}`).catch(() => true);
  if (!isKept) onUpgrade();
}

// A page that had a worker is handed to the next one while that is still about to begin.
function activated(worker) {
  if (worker?.state !== "activating") return undefined;
  return new Promise((resolve) => worker.addEventListener("statechange", resolve, { once: true }));
}

/** The only string on this page that may become code. */
function workerAddress() {
  address ??= trusted();
  return address;
}

function trusted() {
  const createScriptURL = (url) => {
    if (url === WORKER) return url;
    throw new TypeError(`${url} is not our service worker.`);
  };
  if (!globalThis.trustedTypes) return createScriptURL(WORKER);
  return trustedTypes.createPolicy("chat", { createScriptURL }).createScriptURL(WORKER);
}
