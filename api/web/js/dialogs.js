/** The modal dialogs: a question, a text, the API key, the shortcuts. */

import { key } from "./api.js";
import { h } from "./dom.js";
import { PAGE_SHORTCUTS, REVIEW_SHORTCUTS, VIEWER_SHORTCUTS, shortcutsEnabled } from "./shortcuts.js";
import { words } from "./words.js";

/**
 * Asks a question.
 *
 * @param {{title: string, text: string, yes: string}} question
 * @returns {Promise<boolean>} whether the answer was yes
 */
export function confirmed({ title, text, yes }) {
  return new Promise((resolve) => {
    const dialog = open(
      title,
      h("p", {}, text),
      h(
        "div.actions",
        {},
        h("button", { type: "submit", value: "no", autofocus: true }, words.dialogs.keep),
        h("button.danger", { type: "submit", value: "yes" }, yes),
      ),
    );
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
  });
}

/**
 * Asks for a text that must be given, such as a reason.
 *
 * @param {{title: string, text: string, label: string, yes: string, danger?: boolean, long?: boolean}} question
 * @returns {Promise<?string>} null when nobody answered
 */
export function askForText({ title, text, label, yes, danger = false, long = true }) {
  return new Promise((resolve) => {
    const input = h(long ? "textarea" : "input", { id: "asked-text", required: true, autofocus: true, rows: 3, maxlength: long ? 2000 : 200 });
    const dialog = open(
      title,
      h("p", {}, text),
      h("label", { for: "asked-text" }, label),
      input,
      h(
        "div.actions",
        {},
        h("button", { type: "submit", value: "no", formnovalidate: true }, words.dialogs.cancel),
        h(danger ? "button.danger" : "button.primary", { type: "submit", value: "yes" }, yes, " ", long && h("kbd", {}, `${words.shortcuts.keys.control} ${words.shortcuts.keys.enter}`)),
      ),
    );
    const send = dialog.querySelector("[value=yes]");
    // In a field of one line Enter presses the first button, which is not the one that is meant.
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || (long && !event.ctrlKey && !event.metaKey)) return;
      event.preventDefault();
      send.click();
    });
    // A text of blanks says nothing.
    input.addEventListener("input", () => input.setCustomValidity(input.value.trim() === "" ? words.dialogs.empty : ""));
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" ? input.value.trim() : null));
  });
}

/** Asks for the reader's name, to which drafts and signatures are put while keys are off; null when nobody answered. */
export function askForName() {
  const { nameTitle: title, nameMeans: text, name: label, useName: yes } = words.review;
  return askForText({ title, text, label, yes, long: false });
}

/**
 * Asks for the API key, and keeps it for as long as the tab lives.
 *
 * @param {string} reason why it is asked for now
 * @returns {Promise<boolean>} whether the key was changed
 */
export function askForKey(reason) {
  return new Promise((resolve) => {
    const input = h("input", {
      type: "password",
      id: "api-key",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: "cxr_…",
      value: key.get() ?? "",
      autofocus: true,
    });
    const dialog = open(
      words.page.key,
      h("p", {}, reason),
      h("label", { for: "api-key" }, words.dialogs.key),
      input,
      h("p.soft", {}, ...words.dialogs.firstKey(h("code", {}, "docker compose logs credentials"), h("code", {}, "helm status"))),
      h("p.soft", {}, words.dialogs.keyKept),
      h(
        "div.actions",
        {},
        h("button.primary", { type: "submit", value: "use" }, words.dialogs.useKey),
        h("button", { type: "submit", value: "forget" }, words.dialogs.forgetKey),
      ),
    );
    dialog.addEventListener("close", () => {
      const used = dialog.returnValue === "use" && input.value.trim() !== "";
      if (used) key.set(input.value.trim());
      if (dialog.returnValue === "forget") key.forget();
      resolve(used || dialog.returnValue === "forget");
    });
  });
}

/** Shows all shortcuts, and the switch that turns single keys off for those whom they disturb. */
export function showHelp() {
  const toggle = h("input", {
    type: "checkbox",
    id: "single-keys",
    checked: shortcutsEnabled.get(),
    onchange: () => shortcutsEnabled.set(toggle.checked),
  });
  open(
    words.shortcuts.title,
    h("h3", {}, words.shortcuts.everywhere),
    shortcutList(PAGE_SHORTCUTS),
    h("h3", {}, words.shortcuts.onReview),
    shortcutList(REVIEW_SHORTCUTS),
    h("h3", {}, words.shortcuts.onRadiograph),
    shortcutList(VIEWER_SHORTCUTS),
    h("p", {}, toggle, h("label", { for: "single-keys" }, ` ${words.shortcuts.singleKeys}`)),
    h("div.actions", {}, h("button.primary", { type: "submit", autofocus: true }, words.dialogs.close)),
  );
}

function shortcutList(shortcuts) {
  return h(
    "dl.shortcuts",
    {},
    ...shortcuts.flatMap(({ keys, does }) => [
      h("dt", {}, ...keys.flatMap((name, at) => [at > 0 ? " " : null, h("kbd", {}, name)])),
      h("dd", {}, does),
    ]),
  );
}

/** Escape closes it as well; the browser keeps the focus inside and gives it back afterwards. */
function open(title, ...children) {
  const form = h("form", { method: "dialog" }, h("h2", { id: "dialog-title" }, title), ...children);
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
