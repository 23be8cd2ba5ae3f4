/** The keys: which there are, and whether single ones are wanted. */

import { words } from "./words.js";

const SETTING = "cxr-single-keys";

const TEXT = words.shortcuts;

export const PAGE_SHORTCUTS = [
  { keys: ["?"], does: TEXT.help },
  { keys: ["n"], does: TEXT.newStudy },
  { keys: ["s"], does: TEXT.studies },
  { keys: ["v"], does: TEXT.radiograph },
  { keys: ["f"], does: TEXT.findings },
  { keys: ["r"], does: TEXT.report },
  { keys: ["u"], does: TEXT.next },
  { keys: ["e"], does: TEXT.review },
];

export const REVIEW_SHORTCUTS = [
  { keys: ["↓", "j"], does: TEXT.lineDown },
  { keys: ["↑", "k"], does: TEXT.lineUp },
  { keys: ["a"], does: TEXT.accept },
  { keys: [`${TEXT.keys.shift} A`], does: TEXT.acceptAll },
  { keys: ["c", TEXT.keys.enter], does: TEXT.change },
  { keys: ["x"], does: TEXT.strike },
  { keys: ["o"], does: TEXT.add },
  { keys: ["z"], does: TEXT.undo },
  { keys: [`${TEXT.keys.control} ${TEXT.keys.enter}`], does: TEXT.sign },
];

export const VIEWER_SHORTCUTS = [
  { keys: ["+", "−"], does: TEXT.zoom },
  { keys: ["0", "1"], does: TEXT.size },
  { keys: ["←", "→", "↑", "↓"], does: TEXT.move },
  { keys: [`${TEXT.keys.shift} ← →`], does: TEXT.window },
  { keys: [`${TEXT.keys.shift} ↑ ↓`], does: TEXT.level },
  { keys: ["i"], does: TEXT.invert },
  { keys: ["h"], does: TEXT.heatmap },
  { keys: ["[", "]"], does: TEXT.finding },
  { keys: ["b"], does: TEXT.box },
  { keys: [`${TEXT.keys.page} ↑`, `${TEXT.keys.page} ↓`], does: TEXT.image },
  { keys: [TEXT.keys.home], does: TEXT.reset },
];

/** Whether single keys do something outside the radiograph (WCAG 2.1.4 wants a way to turn them off). */
export const shortcutsEnabled = {
  get: () => localStorage.getItem(SETTING) !== "off",
  set: (wanted) => localStorage.setItem(SETTING, wanted ? "on" : "off"),
};

/** Whether a key goes into a field or a dialog, and not to the page. */
export function isTyping(event) {
  return event.target.closest?.("input, select, textarea, dialog") !== null;
}

/**
 * Calls an action when its key is pressed outside of a field.
 *
 * @param {Object<string, () => void>} actions by key
 * @param {AbortSignal} [signal] ends it
 */
export function listen(actions, signal) {
  document.addEventListener("keydown", (event) => {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const action = shortcutsEnabled.get() ? actions[event.key] : undefined;
    if (action === undefined) return;
    event.preventDefault();
    action();
  }, { signal });
}
