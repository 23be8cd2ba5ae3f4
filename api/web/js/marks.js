/** The small signs before a status: each has its own shape, so that none is told by colour alone. */

import { picture } from "./dom.js";

const RING = "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12z";
const LINE = { fill: "none", stroke: "currentColor", "stroke-width": "1.6", "stroke-linecap": "round" };

const SHAPES = {
  present: { d: RING, fill: "currentColor", stroke: "currentColor", "stroke-width": "1.6" },
  uncertain: { ...LINE, d: `${RING}M8 3v10M5.5 4v8M3.4 6v4`, "stroke-width": "1.9" },
  absent: { ...LINE, d: RING },
  open: { ...LINE, d: "M13 4.5a6 6 0 1 0 0 7" },
  queued: { ...LINE, d: RING, "stroke-dasharray": "2.2 2.5" },
  working: { ...LINE, d: "M8 2a6 6 0 0 1 6 6", "stroke-width": "2.4" },
  classified: { ...LINE, d: `${RING}M8 5.5v5M5.5 8h5` },
  completed: { ...LINE, d: "M2.8 8.6l3.4 3.6L13.2 4", "stroke-width": "2.2", "stroke-linejoin": "round" },
  rejected: { ...LINE, d: `${RING}M3.8 12.2l8.4-8.4` },
  failed: { ...LINE, d: "M8 2L15 14H1zM8 6.5v3.5M8 12v.1", "stroke-linejoin": "round" },
  warning: { ...LINE, d: "M8 2L15 14H1zM8 6.5v3.5M8 12v.1", "stroke-linejoin": "round" },
  critical: { d: "M5 1h6l4 4v6l-4 4H5l-4-4V5zM7.1 4v4.6h1.8V4zM7.1 10.2V12h1.8v-1.8z", fill: "currentColor", "fill-rule": "evenodd" },
  accepted: { ...LINE, d: "M2.8 8.6l3.4 3.6L13.2 4", "stroke-width": "2.2", "stroke-linejoin": "round" },
  changed: { ...LINE, d: "M3 13l.7-3L10.9 2.8l2.3 2.3L6 12.3zM9.4 4.3l2.3 2.3", "stroke-linejoin": "round" },
  struck: { ...LINE, d: "M4 4l8 8M12 4l-8 8", "stroke-width": "2" },
  added: { ...LINE, d: "M8 3v10M3 8h10", "stroke-width": "2" },
  cancelled: { ...LINE, d: "M3 3l10 10M13 3L3 13" },
};

/**
 * Makes the sign of a warning, of a critical finding, or of a status of a study or of a finding.
 *
 * @param {string} status or "warning", "critical"
 * @returns {SVGElement}
 */
export function mark(status) {
  const shape = status === "classifying" || status === "reporting" ? "working" : status;
  return picture(`mark mark-${shape}`, SHAPES[shape] ?? SHAPES.queued);
}
