/** Rows of a list of studies, changed in place so that the focus stays where it is. */

import { fill, h } from "./dom.js";
import { STATUS_WORDS, count, moment, studyName } from "./format.js";
import { mark } from "./marks.js";

/** @returns {{element: HTMLElement, show: (studies: object[]) => void}} */
export function studyRows() {
  const element = h("ul.study-rows", {});
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
  }

  function place(study, at) {
    const entry = shown.get(study.id) ?? { row: h("li", {}), version: "" };
    if (entry.version !== study.updated_at) {
      draw(entry.row, study);
      entry.version = study.updated_at;
    }
    shown.set(study.id, entry);
    if (element.children[at] !== entry.row) element.insertBefore(entry.row, element.children[at] ?? null);
  }

  return { element, show };
}

function draw(row, study) {
  const facts = [count(study.images.length, "image")];
  if (study.priority !== "routine") facts.push(study.priority);
  const link = row.querySelector("a") ?? h("a.study-row", { href: `#/studies/${study.id}` });
  fill(
    link,
    h(`span.status.status-${study.status}`, {}, mark(study.status), STATUS_WORDS[study.status]),
    h("span.file-name", {}, studyName(study)),
    h("span.soft", {}, study.error?.detail ?? facts.join(" · ")),
    h("time.soft.number", { datetime: study.created_at }, moment(study.created_at)),
  );
  if (link.parentElement !== row) fill(row, link);
}
