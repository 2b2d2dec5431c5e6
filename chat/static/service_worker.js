// The server fills these in. Everything else here stays the same from version to version.
const STATIC = "{{static}}";
const FILES = "{{files}}".split(" ");

const PAGE = `${STATIC}/index.html`;
const OURS = "chat-";
const CACHE = OURS + STATIC.split("/").at(-1);
const PATIENCE_MS = 4_000;

// Not to wait for open pages is safe: each has loaded what it needs to go on when it opened. Of what it fetches later,
// a panel that is opened, it knows that it may be gone, and asks for a reload (on_demand.js).
self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(fill());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOtherVersions().then(() => self.clients.claim()));
});

// What people say and who they are passes by untouched: only the page itself is ever kept.
self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== self.location.origin) return;
  if (pathname === "/" && mode === "navigate") event.respondWith(openPage(event.request));
  else if (pathname.startsWith(`${STATIC}/`)) event.respondWith(file(event.request));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(showRoom(`/${event.notification.data}`));
});

/** All of one version or nothing: if the server is upgraded meanwhile, these addresses lead nowhere. */
async function fill() {
  await (await caches.open(CACHE)).addAll(FILES);
}

async function forgetOtherVersions() {
  for (const name of await caches.keys()) {
    if (name.startsWith(OURS) && name !== CACHE) await caches.delete(name);
  }
}

/** The server's page, whichever version that is by now; without the server, ours.
 *
 *  What the server sends here is never kept: it is for who is signed in now, and may name files that we do not have. */
async function openPage(request) {
  let page;
  try {
    page = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    await page.clone().arrayBuffer(); // a page that stops half-way is none
    if (page.status < 500) return page;
  } catch {
    // Without a network, too slow a one, or a server.
  }
  return (await kept(PAGE)) ?? page ?? Response.error();
}

async function file(request) {
  return (await kept(request)) ?? fetch(request);
}

async function showRoom(address) {
  const windows = await self.clients.matchAll({ type: "window" });
  const page = windows.find(({ url }) => new URL(url).pathname === "/");
  if (!page) return self.clients.openWindow(address);
  // Both at once: the browser takes a click for leave to come to the front only for a moment.
  return Promise.all([page.focus(), page.navigate(address)]);
}

// Not `open`, which would make the cache anew when the next worker has just thrown it away.
function kept(request) {
  return caches.match(request, { cacheName: CACHE });
}
