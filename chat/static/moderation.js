import { deleteMessage, deleteRoom } from "./admin_api.js";
import { ask } from "./confirm.js";

/** The page changes when the server says so, on the socket. */
export async function askToDeleteMessage({ id, username }) {
  const sentence = `Delete this message of ${username}, for everyone? This cannot be undone.`;
  if (await ask(sentence, "Delete message")) await deleteMessage(id);
}

export async function askToDeleteRoom(room) {
  const sentence = `Delete the room ${room} with everything that was said in it, for everyone? This cannot be undone.`;
  if (await ask(sentence, "Delete room")) await deleteRoom(room);
}
