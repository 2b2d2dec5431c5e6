// Checking a password waits its turn on a busy server, so be patient.
const TIMEOUT_MS = 30_000;
// How long a question of the page's own waits by itself when the server asks for fewer.
const LONGEST_WAIT_S = 60;
const MOST_WAITS = 3;

/** What went wrong, in a sentence to show. `status` is 0 when there was no answer at all; `retryAfter` is in seconds. */
export class ApiError extends Error {
  constructor(sentence, status, code, retryAfter = 0) {
    super(sentence);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export const whoami = () => ask("GET", "/whoami");
export const registration = () => ask("GET", "/registration");
export const createUser = (username, password, invite) => call("POST", "/create_user", { username, password, invite });
export const login = (username, password) => call("POST", "/login", { username, password });
export const logout = () => call("POST", "/logout", {});
export const rooms = () => ask("GET", "/get_rooms");
export const createRoom = (room) => call("POST", "/create_room", { room });
export const joinRoom = (room) => call("POST", "/join_room", { room });
export const leaveRoom = (room) => call("POST", "/leave_room", { room });
export const listMessages = (room, page) => ask("POST", "/list_message", { room, ...page });

let tellOfWait = () => {};

/** `tell` gets a sentence when the server asked the page to wait, which then goes on by itself; it gives back what
 *  takes the sentence away again. */
export function whenToldToWait(tell) {
  tellOfWait = tell;
}

/** One request; rejects with an ApiError. */
export async function call(method, path, body) {
  const response = await answerTo(path, {
    method,
    headers: body && { "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
    cache: "no-store",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  const sentence = answer?.error ?? `The server gave an unexpected answer (${response.status}).`;
  throw new ApiError(sentence, response.status, answer?.code, Number(response.headers.get("Retry-After")) || 0);
}

/** What only reads may be asked again; nobody wants to press a button for that. */
export async function ask(method, path, body) {
  for (let waits = 0; ; waits += 1) {
    try {
      return await call(method, path, body);
    } catch (error) {
      if (error.status !== 429 || waits === MOST_WAITS || error.retryAfter > LONGEST_WAIT_S) throw error;
      const done = tellOfWait("The server asks this page to slow down. It goes on by itself in a moment.");
      await new Promise((resolve) => { setTimeout(resolve, Math.max(1, error.retryAfter) * 1_000); });
      done?.();
    }
  }
}

async function answerTo(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new ApiError("The server cannot be reached.", 0, "unreachable");
  }
}
