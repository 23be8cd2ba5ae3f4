/** What fingers, mouse, wheel and keys do on the radiograph. */

import { isTyping } from "./shortcuts.js";

const ZOOM_PER_PIXEL = 0.0016;
const LINE_HEIGHT = 16;

/**
 * What the gestures ask for.
 *
 * @typedef {object} Wishes
 * @property {() => "window" | "pan"} tool what one finger or the main button does
 * @property {(dx: number, dy: number) => void} pan
 * @property {(dx: number, dy: number) => void} grade window by dx, level by dy
 * @property {(factor: number, x: number, y: number) => void} zoom around a point of the canvas
 * @property {() => void} fit
 */

/**
 * Listens on the canvas.
 *
 * One finger or the main button: the chosen tool; Shift, the middle or the right button: pan; two
 * fingers: zoom and pan; wheel: zoom; double click: fit.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Wishes} wishes
 */
export function listenToPointers(canvas, wishes) {
  /** @type {Map<number, {x: number, y: number}>} */
  const fingers = new Map();

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, placeOf(event, canvas));
    if (event.button === 1) event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (before === undefined) return;
    const now = placeOf(event, canvas);
    if (fingers.size === 1) drag(event, now.x - before.x, now.y - before.y, wishes);
    if (fingers.size === 2) pinch(fingers, event.pointerId, now, wishes);
    fingers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
  }
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("dblclick", () => wishes.fit());
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_HEIGHT : 1);
      // A pinch on a touchpad comes as a wheel with Ctrl, in small steps.
      const speed = ZOOM_PER_PIXEL * (event.ctrlKey ? 6 : 1);
      const { x, y } = placeOf(event, canvas);
      wishes.zoom(Math.exp(-pixels * speed), x, y);
    },
    { passive: false },
  );
}

function drag(event, dx, dy, wishes) {
  const panning = event.shiftKey || (event.buttons & 6) !== 0 || wishes.tool() === "pan";
  if (panning) wishes.pan(dx, dy);
  else wishes.grade(dx, dy);
}

function pinch(fingers, moving, now, wishes) {
  const before = fingers.get(moving);
  const [, still] = [...fingers.entries()].find(([id]) => id !== moving);
  const middle = (finger) => ({ x: (finger.x + still.x) / 2, y: (finger.y + still.y) / 2 });
  const apart = (finger) => Math.max(1, Math.hypot(finger.x - still.x, finger.y - still.y));
  const [from, to] = [middle(before), middle(now)];
  wishes.pan(to.x - from.x, to.y - from.y);
  wishes.zoom(apart(now) / apart(before), to.x, to.y);
}

/**
 * Listens to keys while the focus is on the element, or within it and not in a field.
 *
 * @param {HTMLElement} element
 * @param {Object<string, () => void>} actions by key, with "Shift+" before it where that is held
 */
export function listenToKeys(element, actions) {
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    const arrow = event.key.startsWith("Arrow");
    const action = actions[event.shiftKey && arrow ? `Shift+${event.key}` : event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
}

function placeOf(event, canvas) {
  const frame = canvas.getBoundingClientRect();
  return { x: event.clientX - frame.left, y: event.clientY - frame.top };
}
