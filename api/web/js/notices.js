/** Short words to the user: heard by screen readers, and seen for a few seconds. */

import { fill, h } from "./dom.js";
import { words } from "./words.js";

/** @typedef {import("./dom.js").Child} Child */

const SECONDS = 6;

/** Says something to screen readers alone. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** Says something to everybody. */
export function notify(text) {
  announce(text);
  const toast = h("div.toast", {}, text);
  document.getElementById("toasts").append(toast);
  setTimeout(() => toast.remove(), SECONDS * 1000);
}

/** Marks a text of the server as what it is, English, for whoever hears it read aloud; "" stays "". */
export function byServer(text) {
  return text && h("span", { lang: "en" }, text);
}

/**
 * Makes the box that shows what went wrong and what to do.
 *
 * @param {{title: Child, detail: Child, file?: ?string, advice?: Child}} fault of which the server's texts are marked
 * @param {...HTMLElement} actions buttons that mend it
 * @returns {HTMLElement}
 */
export function faultBox({ title, detail, file, advice }, ...actions) {
  const box = h("div.fault", { role: "alert" });
  fill(
    box,
    h("p.fault-title", {}, title),
    h("p", {}, file ? h("span.file-name", {}, `${file}: `) : null, detail),
    advice ? h("p.soft", {}, advice) : null,
    actions.length > 0 ? h("div.actions", {}, ...actions) : null,
  );
  return box;
}

/** Makes the box for a `Problem`. */
export function problemBox(problem, ...actions) {
  const { title, message, file, advice } = problem;
  const marked = problem.ofServer ? byServer : (text) => text;
  return faultBox({ title: marked(title ?? words.problems.unexpected), detail: marked(message), file, advice: marked(advice) }, ...actions);
}
