import { ask, call } from "./api.js";

export const changePassword = (password, newPassword) => call("POST", "/change_password", { password, new_password: newPassword });
export const sessions = () => ask("GET", "/get_sessions");
export const endSession = (sessionId) => call("POST", "/end_session", { session_id: sessionId });
export const tokens = () => ask("GET", "/get_tokens");
export const createToken = (name, password) => call("POST", "/create_token", { name, password });
export const revokeToken = (tokenId) => call("POST", "/revoke_token", { token_id: tokenId });
export const deleteAccount = (password, messages) => call("POST", "/delete_account", { password, messages });
export const resetPassword = (reset, password) => call("POST", "/reset_password", { reset, password });
export const audit = (page) => ask("GET", `/get_audit?${new URLSearchParams(page)}`);
