/** Rows of a list of studies, changed in place so that the focus stays where it is. */

import { fill, h } from "./dom.js";
import { age, calendarDay, count, criticalWords, moment, sexWord, statusWords, studyName } from "./format.js";
import { mark } from "./marks.js";
import { byServer } from "./notices.js";
import { words } from "./words.js";

const TEXT = words.list;

const COLUMNS = [TEXT.status, TEXT.file, TEXT.patientId, TEXT.sexAndAge, TEXT.studyDate, "", TEXT.received];

/** @returns {{element: HTMLElement, show: (studies: object[]) => void}} */
export function studyRows() {
  const list = h("ul", {});
  const columns = h("div.study-columns", { "aria-hidden": "true" }, ...COLUMNS.map((name) => h("span", {}, name)));
  const element = h("div.study-rows", {}, columns, list);
  /** @type {Map<string, {row: HTMLElement, version: string}>} */
  const shown = new Map();

  function show(studies) {
    const wanted = new Set(studies.map((study) => study.id));
    for (const [id, { row }] of shown) {
      if (wanted.has(id)) continue;
      row.remove();
      shown.delete(id);
    }
    studies.forEach((study, at) => place(study, at));
    element.hidden = studies.length === 0;
  }

  function place(study, at) {
    const entry = shown.get(study.id) ?? { row: h("li", {}), version: "" };
    const version = `${study.updated_at} ${study.report_status}`;
    if (entry.version !== version) draw(entry.row, study);
    entry.version = version;
    shown.set(study.id, entry);
    if (list.children[at] !== entry.row) list.insertBefore(entry.row, list.children[at] ?? null);
  }

  return { element, show };
}

function draw(row, study) {
  const { patient, warnings } = study;
  const facts = [count(study.images.length, words.counted.image)];
  if (study.priority !== "routine") facts.push(words.priorities[study.priority]);
  const critical = criticalWords(study);
  const report = study.report_status && h(`span.row-report.report-${study.report_status}`, {}, words.report.statuses[study.report_status]);
  const alarm = critical && h("span.row-critical", {}, mark("critical"), critical);
  const warned = warnings.length > 0 && h("span.row-warning", { title: warnings.join("\n") }, mark("warning"), words.study.warning, h("span.visually-hidden", { lang: study.language }, `: ${warnings.join(" ")} `));
  const link = row.querySelector("a") ?? h("a.study-row", { href: `#/studies/${study.id}` });
  fill(
    link,
    h(`span.status.status-${study.status}`, {}, mark(study.status), statusWords(study)),
    h("span.file-name", {}, studyName(study)),
    cell(TEXT.patientId, patient.id),
    cell(TEXT.sexAndAge, [sexWord(patient.sex), age(patient.age_years)].filter(Boolean).join(", ")),
    cell(TEXT.studyDate, calendarDay(study.study_date)),
    h("span.facts", {}, alarm, warned, report, h("span.soft", {}, byServer(study.error?.detail) ?? facts.join(" · "))),
    h("time.soft.number", { datetime: study.created_at }, moment(study.created_at)),
  );
  if (link.parentElement !== row) fill(row, link);
}

/** The heading above names it for eyes; words that cannot be seen name it for everybody else. */
function cell(name, value) {
  return h("span.row-cell", {}, value ? [h("span.visually-hidden", {}, `${name} `), value] : null);
}
