/** What is written on the frame around the radiograph: the file, the grays, the chosen finding, the patient's sides. */

import { fill, h } from "./dom.js";
import { words } from "./words.js";

const OPPOSITE = { A: "P", P: "A", R: "L", L: "R", H: "F", F: "H" };

/**
 * What is known of the image on the canvas.
 *
 * @typedef {object} About
 * @property {string} caption its file, and its view
 * @property {string} resolution of the preview, against the original's
 * @property {?string[]} orientation the side of the patient to which a row runs, then a column, as in DICOM
 */

/**
 * Makes the words in the frame's corners and at its edges.
 *
 * @returns {{elements: HTMLElement[], show: (about: About) => void,
 *   sync: (state: {grayscale: ?object, found: ?{name: string}, heat: boolean, box: boolean, regions: boolean}) => void}}
 */
export function annotations() {
  const file = h("div.corner.north-west", {});
  const grays = h("div.corner.north-east.number", {});
  const name = h("span.found-name", {});
  const legend = overlayLegend();
  const found = h("div.corner.south-west", { id: "viewer-found" }, name, legend.element);
  const device = h("div.corner.south-east", {}, words.radiograph.notForDiagnosis);
  const edges = h("div", {});

  function show({ caption, resolution, orientation }) {
    fill(file, h("span.file-name", {}, caption), h("span.resolution", {}, resolution));
    fill(edges, ...sideLetters(orientation));
  }

  function sync({ grayscale, found: chosen, ...shown }) {
    grays.textContent = grayscale === null ? "" : `W ${grayscale.window}  L ${grayscale.level}`;
    name.textContent = chosen?.name ?? "";
    found.hidden = !chosen && !shown.regions;
    legend.sync(shown);
  }

  return { elements: [file, grays, found, device, edges], show, sync };
}

/**
 * Makes the legend of what lies over the radiograph: neither heat nor box is the outline of a finding,
 * and nobody checked where a writer saw something.
 *
 * @returns {{element: HTMLElement, sync: (shown: {heat: boolean, box: boolean, regions: boolean}) => void}}
 */
export function overlayLegend() {
  const scale = h("span.heat-scale", {}, h("span", {}, words.radiograph.less), h("span.heat-colours", { "aria-hidden": "true" }), h("span", {}, words.radiograph.more));
  const dashes = h("span.box-key", { "aria-hidden": "true" });
  const model = h("span.legend-part", {}, scale, dashes, h("span", {}, words.radiograph.legend));
  const writer = h("span.legend-part", {}, h("span.box-key.writer", { "aria-hidden": "true" }), h("span", {}, words.radiograph.writerLegend));
  const element = h("span.overlay-legend", {}, model, writer);
  const sync = ({ heat, box, regions }) => {
    scale.hidden = !heat;
    dashes.hidden = !box;
    model.hidden = !heat && !box;
    writer.hidden = !regions;
    element.hidden = !heat && !box && !regions;
  };
  return { element, sync };
}

/** Makes the letters that say which side of the patient lies at which edge; none where the file does not say. */
export function sideLetters(orientation) {
  return Object.entries(edgesOf(orientation)).map(([edge, letters]) =>
    h(`span.side-letter.at-${edge}`, { title: nameOf(letters), "aria-hidden": "true" }, letters),
  );
}

/** "the patient's right is at the left edge", for those who do not see the letters; "" where nothing is known. */
export function sidesInWords(orientation) {
  const { left, top } = edgesOf(orientation);
  return left === undefined ? "" : words.radiograph.lies(nameOf(left), nameOf(top));
}

function edgesOf(orientation) {
  if (!orientation) return {};
  const [right, bottom] = orientation;
  return { left: opposite(right), right, top: opposite(bottom), bottom };
}

const opposite = (letters) => Array.from(letters, (letter) => OPPOSITE[letter]).join("");
const nameOf = (letters) => Array.from(letters, (letter) => words.radiograph.sides[letter]).join(words.radiograph.and);
