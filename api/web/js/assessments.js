/** The classifier and a writer that saw the image side by side: what was found, and what the report says of it. */

import { h } from "./dom.js";
import { mark } from "./marks.js";
import { words } from "./words.js";

const TEXT = words.assessments;

/**
 * Makes the table of what either of them does not deny.
 *
 * @param {object} report
 * @returns {?HTMLElement} null of a report whose writer did not see the image: it knows the findings alone
 */
export function assessmentTable({ assessments, sentences, verification, language }) {
  const sawIt = verification?.policy === "grounded" || sentences.some(({ regions }) => regions.length > 0);
  const rows = assessments.filter(({ found, said }) => [found, said].some((status) => status === "present" || status === "uncertain"));
  if (!sawIt || rows.length === 0) return null;
  const head = [TEXT.finding, TEXT.classifier, TEXT.report, TEXT.agreement].map((name) => h("th", { scope: "col" }, name));
  const table = h("table", {}, h("caption", {}, TEXT.title), h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows.map((row) => rowOf(row, language))));
  return h("div.table-frame.assessments", { role: "region", "aria-label": TEXT.title, tabindex: 0 }, table);
}

function rowOf(assessment, language) {
  const { name, found, said } = assessment;
  const agreement = agreementOf(assessment);
  return h(
    `tr.agreement-${agreement}`,
    {},
    h("th", { scope: "row", lang: language }, name),
    h("td", {}, ...statusParts(found, TEXT.unknown)),
    h("td", {}, ...statusParts(said, TEXT.unsaid)),
    h("td", {}, TEXT.agreements[agreement]),
  );
}

/** An outcome in the words of a reader: who says what the other does not. */
function agreementOf({ found, said, outcome }) {
  if (outcome === "rejected") return said === "uncertain" ? "hedged" : "classifier";
  if (outcome === "supplemented") return found === "present" || found === "uncertain" ? "more" : "report";
  return outcome === "accepted" ? "same" : "unclear";
}

function statusParts(status, none) {
  return status === null ? [none] : [h("span.status-word", {}, mark(status), " ", words.findings[status])];
}
