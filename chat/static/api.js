// Checking a password waits its turn on a busy server, so be patient.
const TIMEOUT_MS = 30_000;

/** What went wrong, in a sentence to show. `status` is 0 when there was no answer at all. */
class ApiError extends Error {
  constructor(sentence, status, code) {
    super(sentence);
    this.status = status;
    this.code = code;
  }
}

export const whoami = () => call("GET", "/whoami");
export const createUser = (username, password) => call("POST", "/create_user", { username, password });
export const login = (username, password) => call("POST", "/login", { username, password });
export const logout = () => call("POST", "/logout", {});
export const rooms = () => call("GET", "/get_rooms");
export const createRoom = (room) => call("POST", "/create_room", { room });
export const joinRoom = (room) => call("POST", "/join_room", { room });
export const leaveRoom = (room) => call("POST", "/leave_room", { room });
export const listMessages = (room, page) => call("POST", "/list_message", { room, ...page });

async function call(method, path, body) {
  const response = await answerTo(path, {
    method,
    headers: body && { "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
    cache: "no-store",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  throw new ApiError(answer?.error ?? `The server gave an unexpected answer (${response.status}).`, response.status, answer?.code);
}

async function answerTo(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new ApiError("The server cannot be reached.", 0, "unreachable");
  }
}
