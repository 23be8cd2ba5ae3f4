/** Short words to the user: heard by screen readers, and seen for a few seconds. */

import { fill, h } from "./dom.js";

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

/**
 * Makes the box that shows what went wrong and what to do.
 *
 * @param {{title: string, detail: string, file?: ?string, advice?: string}} fault
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
  return faultBox({ title: title ?? "Something went wrong", detail: message, file, advice }, ...actions);
}
