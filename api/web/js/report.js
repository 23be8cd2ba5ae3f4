/** The report: its sections, who wrote it and how it was checked; copy, print and download. */

import { json } from "./api.js";
import { saveFrom } from "./download.js";
import { fill, h } from "./dom.js";
import { LANGUAGES, fullMoment, moment } from "./format.js";
import { notify } from "./notices.js";

const TITLES = {
  en: { warnings: "Warnings", indication: "Indication (as given by the sender)", technique: "Technique", comparison: "Comparison", findings: "Findings", impression: "Impression" },
  es: { warnings: "Advertencias", indication: "Indicación (tal como la indicó el remitente)", technique: "Técnica", comparison: "Comparación", findings: "Hallazgos", impression: "Impresión" },
};
/** What is said of a sentence that the findings do not support; the loudest first. */
const MARKS = {
  en: { contradicts: "contradicts the findings", unsupported: "not supported by the findings", unread: "not checked" },
  es: { contradicts: "contradice los hallazgos", unsupported: "no respaldada por los hallazgos", unread: "no comprobada" },
};
const ORDER = ["indication", "technique", "comparison", "findings", "impression"];
const FORMATS = [
  ["Text", "text/plain", "txt"],
  ["HTML", "text/html", "html"],
  ["JSON", "application/json", "json"],
];

/**
 * Makes the panel.
 *
 * @param {{signal: AbortSignal, onError: (error: unknown) => void}} options
 * @returns {{element: HTMLElement, load: (study: object) => Promise<void>, wait: (words: string) => void}}
 */
export function reportPanel({ signal, onError }) {
  const body = h("div", {});
  const element = h("section.panel.report", { id: "report", tabindex: -1, "aria-labelledby": "report-title" }, h("h2", { id: "report-title" }, "Report"), body);

  async function load(study) {
    const report = await json(study.links.report, { signal, headers: { Accept: "application/json" } });
    if (report !== null) fill(body, ...reportParts(report, study, onError));
  }

  const wait = (words) => fill(body, h("p.soft", {}, words));
  return { element, load, wait };
}

function reportParts(report, study, onError) {
  const titles = TITLES[report.language] ?? TITLES.en;
  const marks = MARKS[report.language] ?? MARKS.en;
  const sections = sectionsOf(report).map(([name, text]) => {
    const passages = passagesOf(text, report.sentences.filter(({ section }) => section === name));
    const words = passages.map(([part, grade]) => (grade === null ? part : h(`mark.${grade}`, {}, h("strong", {}, `${marks[grade]}: `), part)));
    return h("section.report-section", { "data-section": name }, h("h3", {}, titles[name]), h("p", { lang: report.language }, ...words));
  });
  const written = [h("span.screen-only", {}, moment(report.created_at)), h("span.print-only", {}, fullMoment(report.created_at))];
  return [
    h("p.report-facts", {}, h("span.badge", {}, report.status), ` ${LANGUAGES[report.language] ?? report.language} · version ${report.version} · `, ...written),
    ...sections,
    h("p.small.soft", {}, authorWords(report)),
    h("p.device-line", {}, report.not_a_medical_device),
    actions(report, study, titles, onError),
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
  for (const { text: words, grade } of sentences) {
    const at = text.indexOf(words, start);
    if (at < 0) return [[text, loudestOf(sentences)]];
    const end = at + words.length;
    if (grade !== "supported") {
      cut.push([text.slice(start, at), null], [words, grade]);
    } else {
      cut.push([text.slice(start, end), null]);
    }
    start = end;
  }
  return [...cut, [text.slice(start), null]];
}

/** The loudest grade, or null where all is supported. */
function loudestOf(sentences) {
  return Object.keys(MARKS.en).find((grade) => sentences.some((sentence) => sentence.grade === grade)) ?? null;
}

function authorWords({ author, made_from, writer, verification }) {
  if (writer === null) {
    return `Written by a person, ${author.name}, from version ${made_from}; sentences that the findings do not support are marked.`;
  }
  return `Written by ${writer.id} ${writer.version}. ${verificationWords(verification)}`;
}

function verificationWords({ verdict, attempts, fallback, policy }) {
  if (fallback) {
    return `After ${attempts} attempts the writer's own text still did not agree with the findings: this is the template's text, which does.`;
  }
  const tries = attempts === 1 ? "at the first attempt" : `at attempt ${attempts}`;
  const held = policy === "grounded" ? "by the rules for a writer that saw the image" : "sentence by sentence";
  return `Held against the findings, ${held}: ${verdict} ${tries}.`;
}

function actions(report, study, titles, onError) {
  const name = `report-${study.id}`;
  const save = ([words, type, extension]) =>
    h("button", { type: "button", "aria-label": `Download as ${words}`, onclick: () => saveFrom(study.links.report, `${name}.${extension}`, type).catch(onError) }, words);
  return h(
    "div.actions.report-actions",
    {},
    h("button", { type: "button", onclick: () => copy(plainText(report, titles)) }, "Copy"),
    h("button", { type: "button", onclick: () => window.print() }, "Print"),
    h("span.soft", {}, "Download"),
    ...FORMATS.map(save),
  );
}

/** A report without an indication, or a study before, has no section of it. */
function sectionsOf({ sections }) {
  return ORDER.map((name) => [name, sections[name]]).filter(([, text]) => text);
}

function plainText(report, titles) {
  const marks = MARKS[report.language] ?? MARKS.en;
  const marked = (name, text) =>
    passagesOf(text, report.sentences.filter(({ section }) => section === name))
      .map(([part, grade]) => (grade === null ? part : `[${marks[grade].toUpperCase()}: ${part}]`))
      .join("");
  const warnings = report.warnings.map((words) => `- ${words}`).join("\n");
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
    notify("Report copied");
  } catch {
    // No permission, or plain http: the text stays on the screen to be selected.
    notify("The browser does not allow copying here; select the text instead");
  }
}
