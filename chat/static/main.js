import { correctAddress, takeCode } from "./address.js";
import * as api from "./api.js";
import { Chat } from "./chat.js";
import { ask } from "./confirm.js";
import { byId } from "./dom.js";
import { KeptMessages } from "./kept_messages.js";
import { askAll, askWhoMayCome, firstAnswers, firstCode, firstRegistration, LAST_ROOM } from "./first_questions.js";
import { Settings } from "./settings.js";
import { checkForUpgrade, installShell } from "./shell.js";
import { showNotice } from "./notice.js";
import { withPart } from "./on_demand.js";
import { SignIn } from "./sign_in.js";
import { forget } from "./storage.js";

const SIGNED_OUT = "You were signed out, in another window, by a new password, or because your sign-in or your account was ended.";
const DELETED = "Your account is deleted.";
const NEW_PASSWORD = "Your new password is set. Sign in with it.";
const AGAIN = "The page could not be loaded whole. Please open the link again.";
const INVITE_TOO_LATE = "The invite is for somebody who has no account yet: you are signed in.";
const FIRST_ROOM = "lobby";

const keptMessages = new KeptMessages();
const signIn = new SignIn({ onSignedIn: enter });
const chat = new Chat({ keptMessages, onDoubt: checkSession, onSessionEnded: sessionEnded, onReconnected: checkForUpgrade });

new Settings({
  isAdmin: () => chat.me?.admin === true,
  onConnect: () => chat.toggleConnection(),
  onSignOut: signOut,
  onAccount: () => openPanel(() => import("./account_panel.js"), (part) => part.openAccount({ me: chat.me, onDeleted: forgetAccount })),
  onAdmin: () => openPanel(() => import("./admin_panel.js"), (part) => part.openAdministration({ me: chat.me })),
  onAudit: () => openPanel(() => import("./audit_panel.js"), (part) => part.openAudit()),
});
api.whenToldToWait(showNotice);

let opening = false;
let rules = firstRegistration;
let invite;

async function open(answers) {
  opening = true;
  if (answers) await openChat(answers);
  else openForStranger();
  opening = false;
}

// A sign-in that has ended while the page was closed takes with it what was kept.
function openForStranger() {
  forgetMessages();
  askToSignIn();
}

async function openChat({ person, listing, asked }) {
  try {
    start(await person, await listing, { asked });
  } catch (error) {
    await openWithout(error);
  }
}

async function openWithout(error) {
  if (error.status === 401) return openForStranger();
  const visit = error.status === 0 ? await keptMessages.load() : null;
  if (visit) start(visit.me, visit, { isKept: true });
  else sayUnreachable(error);
}

/** After the form: a new account finds itself in the first room rather than nowhere. */
async function enter({ isNew }) {
  if (isNew) await api.joinRoom(FIRST_ROOM).catch(() => {}); // there may be no such room
  const [person, listing] = await Promise.all([api.whoami(), api.rooms()]);
  signIn.empty();
  invite = undefined;
  start(person, listing);
}

function start(person, listing, options) {
  if (chat.me?.user_id === person.user_id) return;
  if (chat.me) forgetMessages();
  chat.stop();
  show("app");
  chat.start(person, listing, options);
  turnInviteDown();
}

function turnInviteDown() {
  if (invite) showNotice(INVITE_TOO_LATE);
  invite = undefined;
}

function askToSignIn(reason = "", username = "") {
  show("welcome");
  document.title = "Chat";
  signIn.show({ reason, username, invite, rules: rules ?? askWhoMayCome() });
  rules = null; // as they were when the page was opened; they may change
}

/** A link with a code was followed: to here, or in a page that is open. */
function follow({ kind, code }) {
  if (kind === "invite") invite = code;
  else withPart(() => import("./reset_password.js"), (part) => askForPassword(part, code), () => sayUnreachable({ message: AGAIN }));
  return kind === "reset";
}

function askForPassword({ showReset }, code) {
  show("reset");
  document.title = "Chat";
  showReset(code, { onDone: (username) => leaveReset(NEW_PASSWORD, username), onGiveUp: () => leaveReset() });
}

function leaveReset(reason = "", username = "") {
  byId("reset").replaceChildren();
  if (username) {
    chat.stop(); // whoever it was: the new password is to be tried
    askToSignIn(reason, username);
  } else if (chat.me) {
    show("app");
  } else {
    open(askAll());
  }
}

const isResetting = () => !byId("reset").hidden;

function sayUnreachable(error) {
  show("unreachable");
  byId("unreachable-reason").textContent = error.message;
}

/** The session belongs to the browser: another window may have ended it, or begun one for somebody else. */
async function checkSession() {
  if (opening || isResetting()) return;
  try {
    const person = await api.whoami();
    if (person.user_id !== chat.me?.user_id) start(person, await api.rooms());
  } catch (error) {
    if (error.status === 401) sessionEnded();
  }
}

function sessionEnded() {
  if (!chat.me) return;
  chat.stop();
  forgetMessages();
  if (!isResetting()) askToSignIn(SIGNED_OUT);
}

// Unless the person was signed out while it came.
const openPanel = (load, act) => withPart(load, (part) => chat.me && act(part));

function forgetAccount() {
  chat.forgetPerson();
  chat.stop();
  forgetMessages();
  correctAddress("");
  askToSignIn(DELETED);
}

async function signOut() {
  if (chat.unsent && !(await ask(`${sentencesFor(chat.unsent)} Sign out all the same and throw that away?`, "Sign out"))) return;
  try {
    await api.logout();
  } catch (error) {
    if (error.status !== 401) return showNotice(error.message);
  }
  chat.forgetPerson();
  chat.stop();
  forgetMessages();
  correctAddress("");
  askToSignIn();
}

const sentencesFor = (number) => (number === 1 ? "One message has not been sent." : `${number} messages have not been sent.`);

function forgetMessages() {
  keptMessages.forget();
  forget(LAST_ROOM);
}

function show(state) {
  for (const id of ["unreachable", "welcome", "reset", "app"]) byId(id).hidden = id !== state;
  document.body.classList.add("decided");
}

byId("try-again").addEventListener("click", () => open(askAll()));
addEventListener("hashchange", () => {
  const followed = takeCode();
  if (!followed) chat.addressChanged();
  else if (follow(followed)) return;
  else if (!chat.me) askToSignIn();
  else turnInviteDown();
});
addEventListener("online", () => chat.check());
addEventListener("offline", () => chat.check());
addEventListener("storage", ({ key, newValue }) => {
  if (key === LAST_ROOM && newValue === null) checkSession(); // another window has signed out
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  if (chat.me) chat.returned();
  else checkSession();
});

if (!firstCode || !follow(firstCode)) open(firstAnswers);
installShell({
  onUpgrade: () => showNotice("The server has been upgraded.", { action: "Reload", onAction: () => location.reload() }),
});
