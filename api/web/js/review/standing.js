/** How a report stands: an AI's draft, signed, amended or withdrawn; by whom, when and why; and what was added to it. */

import { h } from "../dom.js";
import { fullMoment, moment } from "../format.js";
import { mark } from "../marks.js";
import { words } from "../words.js";

const TEXT = words.review;

/**
 * Makes what a reader must know before the report itself.
 *
 * @param {object} report
 * @param {(version: number) => void} onNewer shows a reading that came after it was signed
 * @returns {HTMLElement[]}
 */
export function standing(report, onNewer) {
  const { status, attestations, newer_reading: newer } = report;
  const last = attestations.findLast(({ act }) => act !== "addendum");
  const parts = [h(`div.standing.standing-${status}`, {}, mark(SIGNS[status]), h("p", {}, h("strong", {}, TEXT.standings[status]), ...(last ? [" ", ...attested(last)] : [])))];
  if (newer !== null) {
    const show = h("button.quiet", { type: "button", onclick: () => onNewer(newer) }, TEXT.compareNewer);
    parts.push(h("p.notice", {}, TEXT.newer(newer), " ", show));
  }
  return parts;
}

const SIGNS = { preliminary: "open", final: "completed", amended: "changed", "entered-in-error": "struck" };

/** Makes the texts that were added after it was signed, each with its writer. */
export function addenda(report) {
  return report.addenda.map(({ text, author, at }) =>
    h("section.report-section.addendum", {}, h("h3", {}, TEXT.addendumBy(author), " ", when(at)), h("p", { lang: report.language }, text)),
  );
}

/** Makes who signed, amended or added, in order; nothing where that is one act, which stands above the report. */
export function attestationList({ attestations }) {
  if (attestations.length < 2) return null;
  return h("ol.attestations.small.soft", { "aria-label": TEXT.attestations }, ...attestations.map((entry) => h("li", {}, `${TEXT.acts[entry.act]} · `, ...attested(entry))));
}

/** "Dr. Ada Roe, 14:03:22 (version 2): wrong side" */
function attested({ name, at, version, reason }) {
  return [`${name}, `, when(at), ` (${TEXT.version(version)})`, reason ? `: ${reason}` : ""];
}

/** Paper says the zone and the day as well. */
function when(at) {
  return h("time", { datetime: at }, h("span.screen-only", {}, moment(at)), h("span.print-only", {}, fullMoment(at)));
}
