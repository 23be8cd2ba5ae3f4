/** The view of how reports are reviewed: how fast they are signed, and what becomes of the drafts of each writer. */

import { json } from "../api.js";
import { fill, h } from "../dom.js";
import { duration, percent, tenths, whole } from "../format.js";
import { words } from "../words.js";

const TEXT = words.review.statistics;

/** @param {import("../app.js").Page} page */
export async function statisticsView({ root, signal, setTitle }) {
  setTitle(TEXT.title);
  const { items } = await json("/v1/reviews/summary", { signal });
  const table = items.length === 0 ? h("p.empty.soft", {}, TEXT.none) : summaryTable(items);
  fill(root, h("div.home", {}, h("section.panel.statistics", {}, h("h1", {}, TEXT.title), h("p.soft", {}, TEXT.means), table)));
}

function summaryTable(items) {
  const head = Object.values(TEXT.columns).map((name) => h("th", { scope: "col" }, name));
  return h("div.table-frame", { role: "region", "aria-label": TEXT.title, tabindex: 0 }, h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...items.map(row))));
}

function row({ classifier, writer, signed, median_seconds: seconds, accepted_share: share, changed_words: changed, changed_labels: labels }) {
  const numbers = [
    whole(signed),
    seconds === null ? TEXT.unknown : duration(0, seconds * 1000),
    share === null ? TEXT.unknown : percent(share),
    tenths(changed),
    tenths(labels),
  ];
  return h("tr", {}, h("th.file-name", { scope: "row" }, nameOf(writer)), h("td.file-name", {}, nameOf(classifier)), ...numbers.map((number) => h("td.number", {}, number)));
}

const nameOf = ({ id, version }) => `${id} ${version}`;
