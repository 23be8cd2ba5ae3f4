/**
 * The radiograph: what is on the canvas, and what changes it.
 *
 * pixels.js makes grays, viewport.js places them, gestures.js and controls.js say what is wished; annotations.js
 * writes on the frame, paper.js prints.
 */

import { annotations, sidesInWords } from "./annotations.js";
import { controls } from "./controls.js";
import { fill, h } from "./dom.js";
import { listenToKeys, listenToPointers } from "./gestures.js";
import { NEUTRAL, bounded, canvasOf, develop } from "./pixels.js";
import { LINES, drawBox, drawHeat } from "./overlay.js";
import { keyImage } from "./paper.js";
import { centred, fitted, panned, zoomed } from "./viewport.js";
import { words } from "./words.js";

const STEP = 40;
const GRADE_STEP = 8;

/**
 * What the tool bar and the keys can do.
 *
 * @typedef {object} ViewerActions
 * @property {() => void} fit
 * @property {() => void} actualSize
 * @property {() => void} reset
 * @property {(factor: number) => void} zoom
 * @property {(tool: "window" | "pan") => void} choose
 * @property {(change: {window?: number, level?: number, invert?: null}) => void} grade null turns over
 * @property {(change: {opacity?: number, heat?: null, box?: null}) => void} overlay null turns over
 */

/**
 * Makes the viewer.
 *
 * @param {{signal: AbortSignal, onStepImage: (by: number) => void, onStepFinding: (by: number) => void}} options
 * @returns {{element: HTMLElement, onPaper: HTMLElement, show: (gray: ?import("./pixels.js").Gray,
 *   about: import("./annotations.js").About, message: string) => void,
 *   mark: (found: ?{name: string, heat: ?ImageBitmap, box: ?number[]}, regions: number[][]) => void, listen: (element: HTMLElement) => void}}
 */
export function viewer({ signal, onStepImage, onStepFinding }) {
  const canvas = h("canvas", { id: "radiograph", tabindex: 0, role: "img", "aria-describedby": "viewer-keys viewer-found" });
  const notes = annotations();
  const message = h("p.viewer-message", { hidden: true });
  const context = canvas.getContext("2d");
  const state = initialState();
  let frame = { width: 1, height: 1 };
  let scheduled = 0;
  let graded = false;

  const actions = {
    fit: () => change({ fit: true }),
    actualSize: () => place(centred(1 / devicePixelRatio, state.gray ?? frame, frame)),
    zoom: (factor) => zoom(factor, frame.width / 2, frame.height / 2),
    choose: (tool) => change({ tool }),
    reset: () => change({ fit: true, grayscale: NEUTRAL }),
    grade: ({ window, level, invert }) => {
      const { grayscale: now } = state;
      change({
        grayscale: bounded({
          window: window ?? now.window,
          level: level ?? now.level,
          invert: invert === null ? !now.invert : now.invert,
        }),
      });
    },
    overlay: ({ opacity, heat, box }) => {
      const { overlay: now } = state;
      change({
        overlay: {
          opacity: opacity ?? now.opacity,
          heat: heat === null ? !now.heat : now.heat,
          box: box === null ? !now.box : now.box,
        },
      });
    },
  };
  const tools = controls(actions);
  const paper = keyImage(paint);

  function change(values) {
    if (values.grayscale !== undefined) graded = false;
    Object.assign(state, values);
    if (scheduled === 0) scheduled = requestAnimationFrame(draw);
  }

  function place(viewport) {
    if (state.gray !== null) change({ viewport, fit: false });
  }

  function zoom(factor, x, y) {
    if (state.gray !== null) place(zoomed(state.viewport, factor, x, y, state.gray, frame));
  }

  function pan(dx, dy) {
    if (state.gray !== null) place(panned(state.viewport, dx, dy, state.gray, frame));
  }

  function grade(dx, dy) {
    const { window, level } = state.grayscale;
    actions.grade({ window: window + dx, level: level + dy });
  }

  function draw() {
    scheduled = 0;
    const { gray } = state;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, frame.width, frame.height);
    if (gray !== null) {
      if (state.fit) state.viewport = fitted(gray, frame);
      const { scale, x, y } = state.viewport;
      paint(context, { x, y, width: gray.width * scale, height: gray.height * scale });
    }
    describe();
  }

  function paint(target, area, unit) {
    if (!graded) develop(state.gray, state.grayscale, state.pixels);
    if (!graded) state.picture.getContext("2d").putImageData(state.pixels, 0, 0);
    graded = true;
    target.imageSmoothingQuality = "high";
    target.drawImage(state.picture, area.x, area.y, area.width, area.height);
    const { heat, box, regions } = shownOverlays();
    if (heat) drawHeat(target, state.found.heat, area, state.overlay.opacity);
    if (box) drawBox(target, state.found.box, area, unit);
    if (regions) for (const region of state.regions) drawBox(target, region, area, unit, LINES.writer);
  }

  function shownOverlays() {
    const { overlay, found, regions } = state;
    return {
      heat: Boolean(found?.heat && overlay.heat),
      box: Boolean(found?.box && overlay.box),
      regions: regions.length > 0 && overlay.box,
    };
  }

  function print() {
    const { gray, grayscale, found } = state;
    const shown = shownOverlays();
    const { window, level, invert } = grayscale;
    const text = words.radiograph;
    const grays = grayscale === NEUTRAL ? "" : ` · ${text.grays(window, level)}${invert ? `, ${text.inverted}` : ""}`;
    paper.prepare(gray, { ...shown, words: (shown.heat || shown.box ? ` · ${found.name}` : "") + grays });
  }

  function describe() {
    const { grayscale, gray, found, regions } = state;
    const percent = state.viewport.scale * devicePixelRatio * 100;
    notes.sync({ grayscale: gray === null ? null : grayscale, found, ...shownOverlays() });
    tools.sync({ ...state, percent, hasHeat: Boolean(found?.heat), hasBox: Boolean(found?.box) || regions.length > 0 });
    canvas.dataset.loaded = String(gray !== null);
  }

  function show(gray, about, wait) {
    notes.show(about);
    paper.show(about);
    const sides = sidesInWords(about.orientation);
    canvas.setAttribute("aria-label", words.radiograph.label(`${about.caption}${sides && `; ${sides}`}`));
    message.hidden = wait === "";
    fill(message, wait);
    const picture = gray === null ? null : canvasOf(gray.width, gray.height);
    const pixels = gray === null ? null : new ImageData(gray.width, gray.height);
    change({ gray, picture, pixels, fit: true, grayscale: NEUTRAL });
  }

  function resize() {
    frame = { width: Math.max(1, canvas.clientWidth), height: Math.max(1, canvas.clientHeight) };
    canvas.width = Math.round(frame.width * devicePixelRatio);
    canvas.height = Math.round(frame.height * devicePixelRatio);
    draw();
  }

  const observer = new ResizeObserver(resize);
  observer.observe(canvas);
  signal.addEventListener("abort", () => observer.disconnect());
  window.addEventListener("beforeprint", print, { signal });
  listenToPointers(canvas, { tool: () => state.tool, pan, grade, zoom, fit: actions.fit });
  const lookKeys = keysFor(actions, { onStepImage, onStepFinding });
  listenToKeys(canvas, { ...lookKeys, ...moveKeys({ pan, grade, reset: actions.reset }) });
  const listen = (place) => listenToKeys(place, lookKeys);
  const element = viewerElement(canvas, notes.elements, message, tools.element);
  return { element, onPaper: paper.element, show, mark: (found, regions) => change({ found, regions }), listen };
}

function initialState() {
  return {
    gray: null,
    picture: null,
    pixels: null,
    viewport: { scale: 1, x: 0, y: 0 },
    fit: true,
    grayscale: NEUTRAL,
    // A finger moves the picture, as it does everywhere; a mouse grades it, as in radiology.
    tool: matchMedia("(pointer: coarse)").matches ? "pan" : "window",
    // Whoever opens a study looks at the picture first, and not at where the model looked.
    overlay: { opacity: 0.5, heat: false, box: true },
    found: null,
    regions: [],
  };
}

/** Keys that a list of lines leaves to the picture beside it. */
function keysFor(actions, { onStepImage, onStepFinding }) {
  return {
    "+": () => actions.zoom(1.25),
    "=": () => actions.zoom(1.25),
    "-": () => actions.zoom(1 / 1.25),
    0: actions.fit,
    1: actions.actualSize,
    i: () => actions.grade({ invert: null }),
    h: () => actions.overlay({ heat: null }),
    b: () => actions.overlay({ box: null }),
    "[": () => onStepFinding(-1),
    "]": () => onStepFinding(1),
    PageUp: () => onStepImage(-1),
    PageDown: () => onStepImage(1),
  };
}

function moveKeys({ pan, grade, reset }) {
  return {
    Home: reset,
    ArrowLeft: () => pan(STEP, 0),
    ArrowRight: () => pan(-STEP, 0),
    ArrowUp: () => pan(0, STEP),
    ArrowDown: () => pan(0, -STEP),
    "Shift+ArrowLeft": () => grade(-GRADE_STEP, 0),
    "Shift+ArrowRight": () => grade(GRADE_STEP, 0),
    "Shift+ArrowUp": () => grade(0, GRADE_STEP),
    "Shift+ArrowDown": () => grade(0, -GRADE_STEP),
  };
}

function viewerElement(canvas, notes, message, tools) {
  const keys = h("p.visually-hidden", { id: "viewer-keys" }, words.radiograph.keys);
  const frame = h("div.frame", {}, canvas, ...notes, message);
  return h("div.viewer", {}, frame, keys, tools);
}
