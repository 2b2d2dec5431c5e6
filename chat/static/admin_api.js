import { ask, call } from "./api.js";

export const users = () => ask("GET", "/get_users");
export const invites = () => ask("GET", "/get_invites");
export const createInvite = (uses, hours) => call("POST", "/create_invite", { uses, hours });
export const revokeInvite = (inviteId) => call("POST", "/revoke_invite", { invite_id: inviteId });
export const deactivateUser = (username) => call("POST", "/deactivate_user", { username });
export const reactivateUser = (username) => call("POST", "/reactivate_user", { username });
export const createPasswordReset = (username) => call("POST", "/create_password_reset", { username });
export const deleteRoom = (room) => call("POST", "/delete_room", { room });
export const deleteMessage = (id) => call("POST", "/delete_message", { id });
