import { resetPassword } from "./account_api.js";
import { button, byId, element } from "./dom.js";
import { Field, form } from "./form.js";

const RULE = "8 to 256 characters. A few words in a row are easy to remember.";

/** The card behind a link with which one chooses a new password. `onDone` gets the username once that is done. */
export function showReset(code, { onDone, onGiveUp }) {
  const card = form({
    label: "Choose a new password",
    before: [element("h1", "", "Choose a new password")],
    fields: { password: new Field({ label: "New password", type: "password", autocomplete: "new-password", hint: RULE }) },
    submit: "Set password",
    look: "primary wide",
    fieldOf: (refusal) => (refusal.startsWith("password_") ? "password" : ""),
    onSubmit: async ({ password }) => {
      try {
        onDone((await resetPassword(code, password)).username);
      } catch (error) {
        if (error.code === "reset_invalid") error.message += " Ask an admin of this server for a new link.";
        throw error;
      }
    },
  });
  card.classList.add("card");
  const back = element("p", "switch");
  back.append(button("Back to the sign-in", onGiveUp, "link"));
  card.append(back);
  byId("reset").replaceChildren(card);
  card.querySelector("input").focus();
}
