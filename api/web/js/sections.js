/** The text of a report: its sections, and what each sentence rests on. */

import { h } from "./dom.js";
import { words, writtenIn } from "./words.js";

const TEXT = words.report;
const LOUDEST_FIRST = ["contradicts", "unsupported", "unread"];
const ORDER = ["indication", "technique", "comparison", "findings", "impression"];

/**
 * Makes the sections; what the findings do not support is marked.
 *
 * @param {object} report
 * @param {(chosen: {evidence: {label: string}[], regions: object[]}) => void} onSentence is told what a chosen sentence rests on
 * @returns {HTMLElement[]}
 */
export function sectionParts(report, onSentence) {
  const { sections: titles, marks } = writtenIn(report.language);
  return sectionsOf(report).map(([name, text]) => {
    const parts = passagesOf(report, name, text).map(({ text: part, grade, evidence, regions }) => {
      const shown = evidence.length + regions.length > 0 ? sentenceButton(part, () => onSentence({ evidence, regions })) : part;
      return grade === null ? shown : h(`mark.${grade}`, {}, h("strong", {}, `${marks[grade]}: `), shown);
    });
    return h("section.report-section", { "data-section": name, lang: report.language }, h("h3", {}, titles[name]), h("p", {}, ...parts));
  });
}

/** The sections that say something: a report without an indication, or a study before, has none of it. */
export function sectionsOf({ sections }) {
  return ORDER.map((name) => [name, sections[name]]).filter(([, text]) => text);
}

/**
 * Cuts a section at its sentences, as shared/rendering/passages.py does. What a person signed has no marks: it is their
 * word now.
 *
 * @returns {{text: string, grade: ?string, evidence: {label: string}[], regions: {image: number, box: number[]}[]}[]}
 *   texts, which together are the section, each with the grade of a sentence that is not supported
 */
export function passagesOf(report, name, text) {
  const sentences = report.sentences.filter(({ section }) => section === name);
  const between = (start, end) => ({ text: text.slice(start, end), grade: null, evidence: [], regions: [] });
  const signed = report.attestations.some(({ act }) => act !== "entered-in-error");
  const cut = [];
  let start = 0;
  for (const { text: sentence, grade, evidence, regions } of sentences) {
    const at = text.indexOf(sentence, start);
    if (at < 0) return [{ text, grade: signed ? null : loudestOf(sentences), evidence: [], regions: [] }];
    cut.push(between(start, at), { text: sentence, grade: signed || grade === "supported" ? null : grade, evidence, regions });
    start = at + sentence.length;
  }
  return [...cut, between(start, text.length)];
}

/**
 * A sentence that shows on the picture what it rests on. It wraps as text does, which no `button` can.
 *
 * @param {string} text
 * @param {() => void} choose
 */
function sentenceButton(text, choose) {
  const onkeydown = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose();
  };
  return h("span.sentence", { role: "button", tabindex: 0, title: TEXT.showEvidence, onclick: choose, onkeydown }, text);
}

/** The loudest grade, or null where all is supported. */
function loudestOf(sentences) {
  return LOUDEST_FIRST.find((grade) => sentences.some((sentence) => sentence.grade === grade)) ?? null;
}
