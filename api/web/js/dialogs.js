/** The modal dialogs: a question, the API key, the shortcuts. */

import { key } from "./api.js";
import { h } from "./dom.js";
import { PAGE_SHORTCUTS, VIEWER_SHORTCUTS, shortcutsEnabled } from "./shortcuts.js";

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
        h("button", { type: "submit", value: "no", autofocus: true }, "Keep"),
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
      "API key",
      h("p", {}, reason),
      h("label", { for: "api-key" }, "Key"),
      input,
      h(
        "p.soft",
        {},
        "A new installation’s first key: ",
        h("code", {}, "docker compose logs credentials"),
        " prints it with Compose, ",
        h("code", {}, "helm status"),
        " says how to read it on a cluster.",
      ),
      h("p.soft", {}, "It is kept in this tab alone, and forgotten when the tab is closed."),
      h(
        "div.actions",
        {},
        h("button.primary", { type: "submit", value: "use" }, "Use this key"),
        h("button", { type: "submit", value: "forget" }, "Forget the key"),
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
    "Keyboard shortcuts",
    h("h3", {}, "Everywhere"),
    shortcutList(PAGE_SHORTCUTS),
    h("h3", {}, "On the radiograph, while it has the focus"),
    shortcutList(VIEWER_SHORTCUTS),
    h("p", {}, toggle, h("label", { for: "single-keys" }, " Single-key shortcuts everywhere")),
    h("div.actions", {}, h("button.primary", { type: "submit", autofocus: true }, "Close")),
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
