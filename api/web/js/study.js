/** The view of one study: follows it, and hands what it learns to the viewer, the findings and the report. */

import { adviceFor, call, json, post } from "./api.js";
import { deliveriesPanel } from "./deliveries.js";
import { confirmed } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { findingsPanel } from "./findings.js";
import { isFinal, studyName } from "./format.js";
import { follow } from "./live.js";
import { announce, byServer, faultBox, notify } from "./notices.js";
import { radiographs } from "./radiographs.js";
import { reportPanel } from "./report.js";
import { studyHead } from "./head.js";
import { listen } from "./shortcuts.js";
import { similarPanel } from "./similar.js";
import { words } from "./words.js";

const TEXT = words.head;

/**
 * @param {import("./app.js").Page} page
 * @param {string} id
 * @param {string} [wanted] "review" where the report is to be reviewed as soon as there is one
 */
export async function studyView({ root, signal, info, onError, setTitle, reload }, id, wanted) {
  const findings = findingsPanel({ onSelect: (label) => pictures.select(label) });
  const pictures = radiographs({ signal, onError, onStepFinding: findings.step });
  const report = reportPanel({ signal, info, onError, onSentence, findings: findings.byLabel, onReview });
  const similar = similarPanel({ signal, onError });
  const deliveries = deliveriesPanel({ signal, onError });
  const head = studyHead({
    signal,
    onDelete: (study) => erase(study, () => gone.abort()).catch(onError),
    onRetry: (study) => retry(study, reload).catch(onError),
  });
  findings.wait(TEXT.findingsPending);
  report.wait(TEXT.reportPending);
  // Whoever erases a study need not be told so.
  const gone = new AbortController();
  const seen = { status: null, findings: false, report: false, events: 0 };

  function onSentence({ evidence, regions }) {
    findings.choose(evidence.map(({ label }) => label));
    pictures.point(regions);
  }

  /** The address says it too: whoever loads the page again is where they were. */
  function onReview(open) {
    root.firstElementChild.classList.toggle("reviewing", open);
    history.replaceState(null, "", `#/studies/${id}${open ? "/review" : ""}`);
  }

  async function update(study) {
    head.show(study);
    pictures.show(study);
    if (seen.report && study.timeline.length > seen.events) await report.changed(study);
    if (isFinal(study.status) && study.timeline.length > seen.events) deliveries.show(study).catch(onError);
    seen.events = study.timeline.length;
    if (seen.status === study.status) return;
    if (seen.status === null) setTitle(studyName(study));
    seen.status = study.status;
    announce(`${studyName(study)}: ${words.statuses[study.status]}`);
    if (study.model !== null && !seen.findings) {
      seen.findings = true;
      const found = await json(study.links.findings, { signal });
      pictures.find(found);
      findings.show(found, study.language);
      similar.show(study);
    }
    if (study.status === "completed" && !seen.report) {
      seen.report = true;
      await report.load(study);
      if (wanted === "review") await report.review();
    }
    if (isFinal(study.status) && study.status !== "completed") await explainEnd(study);
  }

  async function explainEnd(study) {
    const ending = words.statuses[study.status];
    if (!seen.findings) findings.wait(TEXT.noFindings(ending));
    report.wait(TEXT.noReport(ending));
    head.explain(await faultOf(study));
  }

  fill(root, layout(head.element, pictures, report.element, findings.element, similar.element, deliveries.element));
  pictures.listen(report.element);
  listen({ e: () => report.review().catch(onError) }, signal);
  const onStudy = (study) => update(study).catch(onError);
  await follow(`/v1/studies/${id}`, { signal: AbortSignal.any([signal, gone.signal]), onStudy, onConnection: head.connection });
}

/** Whose study it is and its warnings come first, on a narrow screen and on paper too. */
function layout(head, pictures, report, findings, similar, deliveries) {
  return h("div.study", {}, head, h("div.stage", {}, pictures.element), report, pictures.onPaper, findings, similar, deliveries);
}

async function faultOf(study) {
  if (study.error === null) return null;
  const { type, detail, file } = study.error;
  const title = study.status === "failed" ? TEXT.failed : TEXT.unusable;
  const advice = study.status === "failed" ? TEXT.failedAdvice : byServer(await adviceFor(type));
  return faultBox({ title, detail: byServer(detail), file, advice });
}

async function retry(study, reload) {
  await post(`${study.links.self}/retry`);
  notify(TEXT.tryingAgain);
  await reload();
}

async function erase(study, onConfirmed) {
  const { deleteQuestion, deleteMeans, remove } = TEXT;
  if (!(await confirmed({ title: deleteQuestion, text: deleteMeans, yes: remove }))) return;
  onConfirmed();
  await call(study.links.self, { method: "DELETE" });
  notify(TEXT.deleted);
  location.hash = "#/";
}
