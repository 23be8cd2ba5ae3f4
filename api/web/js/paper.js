/** The radiograph on paper: the whole picture with what lies over it on the screen, drawn when the page is printed. */

import { overlayLegend, sideLetters } from "./annotations.js";
import { fill, h } from "./dom.js";

/** CSS pixels of the picture's width on paper, about; its canvas has more. */
const WIDTH = 400;

/**
 * Makes the figure; the screen does not show it.
 *
 * @param {(context: CanvasRenderingContext2D, area: import("./overlay.js").Area, unit: number) => void} paint
 *   draws what the viewer shows
 * @returns {{element: HTMLElement, show: (about: import("./annotations.js").About) => void,
 *   prepare: (size: ?{width: number, height: number}, shown: {heat: boolean, box: boolean, regions: boolean, words: string}) => void}}
 */
export function keyImage(paint) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const edges = h("div", {});
  const caption = h("span.file-name", {});
  const shownWords = h("span", {});
  const legend = overlayLegend();
  const element = h("figure.key-image.print-only", {}, h("div.sheet", {}, canvas, edges), h("figcaption", {}, caption, shownWords, legend.element));

  function show(about) {
    caption.textContent = `${about.caption} · ${about.resolution}`;
    fill(edges, ...sideLetters(about.orientation));
  }

  function prepare(size, { words, ...shown }) {
    element.hidden = size === null;
    if (size === null) return;
    canvas.width = size.width;
    canvas.height = size.height;
    paint(canvas.getContext("2d"), { x: 0, y: 0, width: size.width, height: size.height }, size.width / WIDTH);
    shownWords.textContent = words;
    legend.sync(shown);
  }

  return { element, show, prepare };
}
