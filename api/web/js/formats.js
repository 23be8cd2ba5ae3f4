/** Saves reports in a format of the reader's choice. */

import { h } from "./dom.js";
import { words } from "./words.js";

const TEXT = words.formats;
/** What the standards call them; a format that is not here is called by its name. */
const NAMES = {
  text: TEXT.text,
  html: "HTML",
  json: "JSON",
  pdf: "PDF",
  fhir: "FHIR R4",
  airai: "IHE AIRAI",
  hl7: "HL7 ORU^R01",
  "dicom-sr": "DICOM SR (TID 1500)",
  "basic-sr": "DICOM Basic Text SR",
  "dicom-pdf": "DICOM PDF",
  "dicom-sc": "DICOM Secondary Capture",
  gsps: "DICOM GSPS",
};
/** Where the browser keeps which format was chosen last. */
const KEPT = "cxr.report-format";

/**
 * Makes the choice of a format and the button that saves.
 *
 * @param {{name: string, extension: string}[]} formats as GET /v1/info names them
 * @param {string} label of the button
 * @param {(format: {name: string, extension: string}) => void} onSave
 * @returns {HTMLElement}
 */
export function formatPicker(formats, label, onSave) {
  const choice = h(
    "select",
    { "aria-label": TEXT.choose },
    ...formats.map(({ name }) => h("option", { value: name }, NAMES[name] ?? name)),
  );
  const kept = localStorage.getItem(KEPT);
  if (formats.some(({ name }) => name === kept)) choice.value = kept;
  choice.addEventListener("change", () => localStorage.setItem(KEPT, choice.value));
  const save = () => onSave(formats.find(({ name }) => name === choice.value));
  return h("span.format-picker", {}, choice, h("button", { type: "button", onclick: save }, label));
}
