/** The keys: which there are, and whether single ones are wanted. */

const SETTING = "cxr-single-keys";

export const PAGE_SHORTCUTS = [
  { keys: ["?"], does: "These shortcuts" },
  { keys: ["n"], does: "New study: choose files" },
  { keys: ["s"], does: "The list of studies" },
  { keys: ["v"], does: "To the radiograph" },
  { keys: ["f"], does: "To the findings" },
  { keys: ["r"], does: "To the report" },
];

export const VIEWER_SHORTCUTS = [
  { keys: ["+", "−"], does: "Zoom in, out" },
  { keys: ["0", "1"], does: "Fit to the frame, one pixel to one pixel" },
  { keys: ["←", "→", "↑", "↓"], does: "Move the picture" },
  { keys: ["Shift ← →"], does: "Window narrower, wider" },
  { keys: ["Shift ↑ ↓"], does: "Level up (darker), down (brighter)" },
  { keys: ["i"], does: "Invert" },
  { keys: ["h"], does: "Heatmap on, off" },
  { keys: ["[", "]"], does: "Previous, next finding with a heatmap" },
  { keys: ["b"], does: "Box on, off" },
  { keys: ["Page ↑", "Page ↓"], does: "Previous, next image" },
  { keys: ["Home"], does: "Everything as at the start" },
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
