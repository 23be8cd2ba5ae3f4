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

/**
 * Calls an action when its key is pressed outside of a field.
 *
 * @param {Object<string, () => void>} actions by key
 */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea, dialog");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const action = shortcutsEnabled.get() ? actions[event.key] : undefined;
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
}
