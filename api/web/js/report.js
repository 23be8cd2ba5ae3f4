/** The report as it is read, and while it is reviewed; who wrote it and how it was checked; copy, print, download. */

import { Problem, call } from "./api.js";
import { assessmentTable } from "./assessments.js";
import { saveFrom } from "./download.js";
import { fill, h } from "./dom.js";
import { fullMoment, moment } from "./format.js";
import { formatPicker } from "./formats.js";
import { notify, problemBox } from "./notices.js";
import { offers } from "./review/offers.js";
import { readerName, whoReads } from "./review/person.js";
import { review } from "./review/review.js";
import { addenda, attestationList, standing } from "./review/standing.js";
import { versionList } from "./review/versions.js";
import { passagesOf, sectionParts, sectionsOf } from "./sections.js";
import { words, writtenIn } from "./words.js";

const TEXT = words.report;

/**
 * Makes the panel.
 *
 * @param {{signal: AbortSignal, info: object, onError: (error: unknown) => void,
 *   onSentence: (chosen: {evidence: {label: string}[], regions: object[]}) => void, findings: () => Map<string, object>,
 *   onReview: (open: boolean) => void}} options `onSentence` is told what a chosen sentence or line rests on, `onReview` whether the report is under review now
 * @returns {{element: HTMLElement, load: (study: object) => Promise<void>, changed: (study: object) => Promise<void>,
 *   review: () => Promise<void>, wait: (text: string) => void}}
 */
export function reportPanel({ signal, info, onError, onSentence, findings, onReview }) {
  const body = h("div", {});
  const element = h("section.panel.report", { id: "report", tabindex: -1, "aria-labelledby": "report-title" }, h("h2", { id: "report-title" }, TEXT.title), body);
  let study = null;
  /** @type {?import("./review/review.js").Version} */
  let version = null;
  let reviewed = null;

  async function fetchNewest() {
    const response = await call(study.links.report, { signal, cache: "no-store", headers: { Accept: "application/json" } });
    const text = await response.text();
    return text === "" ? null : { report: JSON.parse(text), etag: response.headers.get("ETag") };
  }

  async function load(next) {
    study = next;
    version = await fetchNewest();
    if (version !== null) draw();
  }

  /** Something happened to the study after its end: the report may be another one. */
  async function changed(next) {
    study = next;
    if (reviewed !== null) return reviewed.moved();
    const found = await fetchNewest();
    if (found === null || found.etag === version?.etag) return;
    version = found;
    draw();
  }

  function draw() {
    const { report } = version;
    const path = study.links.report;
    const versions = versionList(path, { language: report.language, signal, onError });
    const offered = offers(path, version, { info, onReview: () => startReview().catch(onError), onDone: () => load(study).catch(onError), onError });
    element.classList.toggle("withdrawn", report.status === "entered-in-error");
    fill(body, ...reportParts(report, { study, info, onError, onSentence, versions, offered }));
  }

  async function startReview() {
    if (version === null || reviewed !== null || version.report.status === "entered-in-error") return;
    const { known, name: person } = await whoReads(info);
    if (!known) return;
    const onEnd = () => endReview().catch(onError);
    const onNewReader = () => {
      readerName.forget();
      startReview().catch(onError);
    };
    reviewed = review(study.links.report, version, { person, findings: findings(), signal, onError, onChoose: onSentence, onEnd, onNewReader, newest: fetchNewest });
    fill(body, reviewed.element);
    onReview(true);
    try {
      await reviewed.start();
    } catch (error) {
      // Such as a key that may not review: the report is still there to be read.
      if (!(error instanceof Problem) || error.status === 401) throw error;
      await endReview();
      body.prepend(problemBox(error));
    }
  }

  async function endReview() {
    reviewed = null;
    onReview(false);
    await load(study);
    element.focus();
  }

  const wait = (text) => fill(body, h("p.soft", {}, text));
  return { element, load, changed, review: startReview, wait };
}

function reportParts(report, { study, info, onError, onSentence, versions, offered }) {
  const written = [h("span.screen-only", {}, moment(report.created_at)), h("span.print-only", {}, fullMoment(report.created_at))];
  return [
    ...standing(report, (newer) => versions.compare(report.version, newer)),
    h("p.report-facts", {}, `${TEXT.facts(words.languages[report.language] ?? report.language, report.version)} · `, ...written),
    ...sectionParts(report, onSentence),
    ...addenda(report),
    assessmentTable(report),
    offered,
    attestationList(report),
    h("p.small.soft", {}, authorWords(report)),
    h("p.device-line", { lang: report.language }, report.not_a_medical_device),
    actions(report, { study, info, onError }),
    versions.element,
  ].filter((part) => part !== null);
}

function authorWords({ act, author, made_from, writer, verification }) {
  if (act === "edited") return TEXT.byPerson(author.name, made_from);
  if (writer === null) return TEXT.madeFrom(made_from);
  return `${TEXT.byWriter(`${writer.id} ${writer.version}`)} ${verificationWords(verification)}`;
}

function verificationWords({ attempts, fallback, policy }) {
  if (fallback) return TEXT.fallback(attempts);
  const passed = policy === "grounded" ? TEXT.grounded : TEXT.strict;
  return passed(attempts === 1 ? TEXT.firstAttempt : TEXT.atAttempt(attempts));
}

function actions(report, { study, info, onError }) {
  const save = ({ name, extension }) => saveFrom(`${study.links.report}?format=${name}`, `report-${study.id}.${extension}`).catch(onError);
  return h(
    "div.actions.report-actions",
    {},
    h("button", { type: "button", onclick: () => copy(plainText(report)) }, TEXT.copy),
    h("button", { type: "button", onclick: () => window.print() }, TEXT.print),
    formatPicker(info.report_formats, TEXT.download, save),
  );
}

function plainText(report) {
  const { sections: titles, marks, standings, addendum } = writtenIn(report.language);
  const marked = (name, text) =>
    passagesOf(report, name, text)
      .map(({ text: part, grade }) => (grade === null ? part : `[${marks[grade].toUpperCase()}: ${part}]`))
      .join("");
  const warnings = report.warnings.map((warning) => `- ${warning}`).join("\n");
  const parts = [["warnings", warnings], ...sectionsOf(report)].filter(([, text]) => text !== "");
  const added = report.addenda.map(({ text, author, at }) => `${addendum.toUpperCase()} (${author}, ${fullMoment(at)})\n${text}`);
  const texts = parts.map(([name, text]) => `${titles[name].toUpperCase()}\n${name === "indication" ? quoted(text) : marked(name, text)}`);
  return [`${standings[report.status]}${signatures(report)}`, ...texts, ...added, report.not_a_medical_device].join("\n\n");
}

/** ": Dr. Ada Roe, 27 November 2026 at 14:03:22 CET", with the reason where there is one; "" where nobody signed. */
function signatures({ attestations }) {
  const last = attestations.findLast(({ act }) => act !== "addendum");
  return last === undefined ? "" : `: ${last.name}, ${fullMoment(last.at)}${last.reason ? ` (${last.reason})` : ""}`;
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
