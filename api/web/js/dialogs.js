/** The modal dialogs: a question, the API key, the shortcuts. */

import { key } from "./api.js";
import { h } from "./dom.js";
import { PAGE_SHORTCUTS, VIEWER_SHORTCUTS, shortcutsEnabled } from "./shortcuts.js";
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
