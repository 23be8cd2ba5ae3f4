/** The report: its sections, who wrote it and how it was checked; copy, print and download. */

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
 * @param {{signal: AbortSignal, onError: (error: unknown) => void}} options
 * @returns {{element: HTMLElement, load: (study: object) => Promise<void>, wait: (text: string) => void}}
 */
export function reportPanel({ signal, onError }) {
  const body = h("div", {});
  const element = h("section.panel.report", { id: "report", tabindex: -1, "aria-labelledby": "report-title" }, h("h2", { id: "report-title" }, TEXT.title), body);

  async function load(study) {
    const report = await json(study.links.report, { signal, headers: { Accept: "application/json" } });
    if (report !== null) fill(body, ...reportParts(report, study, onError));
  }

  const wait = (text) => fill(body, h("p.soft", {}, text));
  return { element, load, wait };
}

function reportParts(report, study, onError) {
  const { sections: titles, marks } = writtenIn(report.language);
  const sections = sectionsOf(report).map(([name, text]) => {
    const passages = passagesOf(text, report.sentences.filter(({ section }) => section === name));
    const parts = passages.map(([part, grade]) => (grade === null ? part : h(`mark.${grade}`, {}, h("strong", {}, `${marks[grade]}: `), part)));
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
 * Cuts a section at its sentences that are not supported, as shared/rendering/passages.py does.
 *
 * @returns {[string, string | null][]} texts, which together are the section, each with its grade or null
 */
function passagesOf(text, sentences) {
  const cut = [];
  let start = 0;
  for (const { text: sentence, grade } of sentences) {
    const at = text.indexOf(sentence, start);
    if (at < 0) return [[text, loudestOf(sentences)]];
    const end = at + sentence.length;
    if (grade !== "supported") {
      cut.push([text.slice(start, at), null], [sentence, grade]);
    } else {
      cut.push([text.slice(start, end), null]);
    }
    start = end;
  }
  return [...cut, [text.slice(start), null]];
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
      .map(([part, grade]) => (grade === null ? part : `[${marks[grade].toUpperCase()}: ${part}]`))
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
