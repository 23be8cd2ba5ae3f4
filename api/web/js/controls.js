/** The tool bar under the radiograph: everything that gestures do, for keyboards and for fingers. */

import { h } from "./dom.js";
import { GRAYS, NARROWEST, WIDEST } from "./pixels.js";
import { words } from "./words.js";

const TEXT = words.tools;

/**
 * Makes the tool bar.
 *
 * @param {import("./viewer.js").ViewerActions} actions
 * @returns {{element: HTMLElement, sync: (state: object) => void}} `sync` shows a state of the viewer
 */
export function controls(actions) {
  const tools = toolChoice(actions);
  const invert = toggle(TEXT.invert, () => actions.grade({ invert: null }));
  const windowing = slider(TEXT.window, "window", NARROWEST, WIDEST, (window) => actions.grade({ window }));
  const level = slider(TEXT.level, "level", 0, GRAYS - 1, (value) => actions.grade({ level: value }));
  const heat = toggle(TEXT.heatmap, () => actions.overlay({ heat: null }));
  const box = toggle(TEXT.box, () => actions.overlay({ box: null }));
  const opacity = slider(TEXT.opacity, "opacity", 0, 100, (value) => actions.overlay({ opacity: value / 100 }), "%");
  const scale = h("output.zoom.number", { "aria-label": TEXT.zoom });
  const overlay = h("div.tool-group", { role: "group", "aria-label": TEXT.overlay }, heat.element, box.element, opacity.element);
  const element = h(
    "div.tools",
    { role: "group", "aria-label": TEXT.title },
    h("div.tool-group", { role: "group", "aria-label": TEXT.zoom }, ...zoomButtons(actions), scale),
    h("div.tool-group", { role: "group", "aria-label": TEXT.grayscale }, tools.element, invert.element, button(TEXT.reset, TEXT.resetTitle, actions.reset), windowing.element, level.element),
    overlay,
  );

  function sync(state) {
    scale.textContent = `${Math.round(state.percent)} %`;
    tools.sync(state.tool);
    invert.sync(state.grayscale.invert);
    windowing.sync(state.grayscale.window);
    level.sync(state.grayscale.level);
    heat.sync(state.overlay.heat, !state.hasHeat);
    box.sync(state.overlay.box, !state.hasBox);
    opacity.sync(Math.round(state.overlay.opacity * 100), !state.hasHeat);
    overlay.classList.toggle("idle", !state.hasHeat && !state.hasBox);
  }

  return { element, sync };
}

function zoomButtons(actions) {
  return [
    button(TEXT.fit, TEXT.fitTitle, actions.fit),
    button("1:1", TEXT.actualSize, actions.actualSize),
    button("−", TEXT.zoomOut, () => actions.zoom(1 / 1.25)),
    button("+", TEXT.zoomIn, () => actions.zoom(1.25)),
  ];
}

function toolChoice(actions) {
  const grade = toggle("W/L", () => actions.choose("window"), TEXT.grade);
  const pan = toggle(TEXT.move, () => actions.choose("pan"), TEXT.moveTitle);
  const sync = (tool) => {
    grade.sync(tool === "window");
    pan.sync(tool === "pan");
  };
  const element = h("div.segments", { role: "group", "aria-label": TEXT.dragging }, grade.element, pan.element);
  return { element, sync };
}

function button(text, title, onclick) {
  return h("button", { type: "button", title, "aria-label": title, onclick }, text);
}

function toggle(text, onclick, title = text) {
  const element = h("button.toggle", { type: "button", title, "aria-pressed": "false", onclick }, text);
  if (title !== text) element.setAttribute("aria-label", title);
  const sync = (on, disabled = false) => {
    element.setAttribute("aria-pressed", String(on && !disabled));
    element.disabled = disabled;
  };
  return { element, sync };
}

function slider(text, name, min, max, onValue, unit = "") {
  const id = `tool-${name}`;
  const input = h("input", { type: "range", id, min, max, step: 1, oninput: () => onValue(Number(input.value)) });
  const output = h("output.number", { for: id });
  const element = h("div.slider", {}, h("label", { for: id }, text), input, output);
  const sync = (value, disabled = false) => {
    input.value = String(value);
    input.disabled = disabled;
    output.textContent = `${value}${unit && ` ${unit}`}`;
  };
  return { element, sync };
}
