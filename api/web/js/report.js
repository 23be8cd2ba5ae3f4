/** The report: its sections, what each sentence rests on, who wrote it and how it was checked; copy, print, download. */

import { json } from "./api.js";
import { saveFrom } from "./download.js";
import { fill, h } from "./dom.js";
import { fullMoment, moment } from "./format.js";
import { notify } from "./notices.js";
import { words, writtenIn } from "./words.js";

const TEXT = words.report;
const LOUDEST_FIRST = ["contradicts", "unsupported", "unread"];
const ORDER = ["indication", "technique", "comparison", "findings", "impression"];
const FORMATS = [
  [TEXT.text, "text/plain", "txt"],
  ["HTML", "text/html", "html"],
  ["JSON", "application/json", "json"],
];

/**
 * Makes the panel.
 *
 * @param {{signal: AbortSignal, onError: (error: unknown) => void, onSentence: (labels: string[]) => void}} options
 *   `onSentence` is told the labels of the findings that a chosen sentence rests on
 * @returns {{element: HTMLElement, load: (study: object) => Promise<void>, wait: (text: string) => void}}
 */
export function reportPanel({ signal, onError, onSentence }) {
  const body = h("div", {});
  const element = h("section.panel.report", { id: "report", tabindex: -1, "aria-labelledby": "report-title" }, h("h2", { id: "report-title" }, TEXT.title), body);

  async function load(study) {
    const report = await json(study.links.report, { signal, headers: { Accept: "application/json" } });
    if (report !== null) fill(body, ...reportParts(report, study, { onError, onSentence }));
  }

  const wait = (text) => fill(body, h("p.soft", {}, text));
  return { element, load, wait };
}

function reportParts(report, study, { onError, onSentence }) {
  const { sections: titles, marks } = writtenIn(report.language);
  const sections = sectionsOf(report).map(([name, text]) => {
    const passages = passagesOf(text, report.sentences.filter(({ section }) => section === name));
    const parts = passages.map(({ text: part, grade, evidence }) => {
      const shown = evidence.length > 0 ? sentenceButton(part, evidence, onSentence) : part;
      return grade === null ? shown : h(`mark.${grade}`, {}, h("strong", {}, `${marks[grade]}: `), shown);
    });
    return h("section.report-section", { "data-section": name, lang: report.language }, h("h3", {}, titles[name]), h("p", {}, ...parts));
  });
  const written = [h("span.screen-only", {}, moment(report.created_at)), h("span.print-only", {}, fullMoment(report.created_at))];
  return [
    h("p.report-facts", {}, h("span.badge", {}, TEXT.statuses[report.status]), ` ${TEXT.facts(words.languages[report.language] ?? report.language, report.version)} · `, ...written),
    ...sections,
    h("p.small.soft", {}, authorWords(report)),
    h("p.device-line", { lang: report.language }, report.not_a_medical_device),
    actions(report, study, onError),
  ];
}

/**
 * A sentence that shows on the picture what it rests on. It wraps as text does, which no `button` can.
 *
 * @param {string} text
 * @param {{label: string}[]} evidence
 * @param {(labels: string[]) => void} onSentence
 */
function sentenceButton(text, evidence, onSentence) {
  const choose = () => onSentence(evidence.map(({ label }) => label));
  const onkeydown = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose();
  };
  return h("span.sentence", { role: "button", tabindex: 0, title: TEXT.showEvidence, onclick: choose, onkeydown }, text);
}

/**
 * Cuts a section at its sentences, as shared/rendering/passages.py does.
 *
 * @returns {{text: string, grade: ?string, evidence: {label: string}[]}[]} texts, which together are the section, each
 *   with the grade of a sentence that is not supported
 */
function passagesOf(text, sentences) {
  const between = (start, end) => ({ text: text.slice(start, end), grade: null, evidence: [] });
  const cut = [];
  let start = 0;
  for (const { text: sentence, grade, evidence } of sentences) {
    const at = text.indexOf(sentence, start);
    if (at < 0) return [{ text, grade: loudestOf(sentences), evidence: [] }];
    cut.push(between(start, at), { text: sentence, grade: grade === "supported" ? null : grade, evidence });
    start = at + sentence.length;
  }
  return [...cut, between(start, text.length)];
}

/** The loudest grade, or null where all is supported. */
function loudestOf(sentences) {
  return LOUDEST_FIRST.find((grade) => sentences.some((sentence) => sentence.grade === grade)) ?? null;
}

function authorWords({ author, made_from, writer, verification }) {
  if (writer === null) {
    return TEXT.byPerson(author.name, made_from);
  }
  return `${TEXT.byWriter(`${writer.id} ${writer.version}`)} ${verificationWords(verification)}`;
}

function verificationWords({ attempts, fallback, policy }) {
  if (fallback) return TEXT.fallback(attempts);
  const passed = policy === "grounded" ? TEXT.grounded : TEXT.strict;
  return passed(attempts === 1 ? TEXT.firstAttempt : TEXT.atAttempt(attempts));
}

function actions(report, study, onError) {
  const name = `report-${study.id}`;
  const save = ([format, type, extension]) =>
    h("button", { type: "button", "aria-label": TEXT.downloadAs(format), onclick: () => saveFrom(study.links.report, `${name}.${extension}`, type).catch(onError) }, format);
  return h(
    "div.actions.report-actions",
    {},
    h("button", { type: "button", onclick: () => copy(plainText(report)) }, TEXT.copy),
    h("button", { type: "button", onclick: () => window.print() }, TEXT.print),
    h("span.soft", {}, TEXT.download),
    ...FORMATS.map(save),
  );
}

/** A report without an indication, or a study before, has no section of it. */
function sectionsOf({ sections }) {
  return ORDER.map((name) => [name, sections[name]]).filter(([, text]) => text);
}

function plainText(report) {
  const { sections: titles, marks } = writtenIn(report.language);
  const marked = (name, text) =>
    passagesOf(text, report.sentences.filter(({ section }) => section === name))
      .map(({ text: part, grade }) => (grade === null ? part : `[${marks[grade].toUpperCase()}: ${part}]`))
      .join("");
  const warnings = report.warnings.map((warning) => `- ${warning}`).join("\n");
  const parts = [["warnings", warnings], ...sectionsOf(report)].filter(([, text]) => text !== "");
  const texts = parts.map(([name, text]) => `${titles[name].toUpperCase()}\n${name === "indication" ? quoted(text) : marked(name, text)}`);
  return [...texts, report.not_a_medical_device].join("\n\n");
}

/** The sender's words on one line, in quotation marks: none of them can pass for a heading of the report. */
function quoted(text) {
  return `“${text.replace(/\s+/g, " ").replace(/[“”«»]/g, '"')}”`;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify(TEXT.copied);
  } catch {
    // No permission, or plain http: the text stays on the screen to be selected.
    notify(TEXT.notCopied);
  }
}
