/** The view of one study: follows it, and hands what it learns to the viewer, the findings and the report. */

import { adviceFor, call, json, post } from "./api.js";
import { confirmed } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { findingsPanel } from "./findings.js";
import { STATUS_WORDS, isFinal, studyName } from "./format.js";
import { follow } from "./live.js";
import { announce, faultBox, notify } from "./notices.js";
import { radiographs } from "./radiographs.js";
import { reportPanel } from "./report.js";
import { studyHead } from "./head.js";

const PENDING = { findings: "The findings come when the study is classified.", report: "The report comes when it is written and checked." };

/**
 * @param {import("./app.js").Page} page
 * @param {string} id
 */
export async function studyView({ root, signal, onError, setTitle, reload }, id) {
  const findings = findingsPanel({ onSelect: (label) => pictures.select(label) });
  const pictures = radiographs({ signal, onError, onStepFinding: findings.step });
  const report = reportPanel({ signal, onError });
  const head = studyHead({
    signal,
    onDelete: (study) => erase(study).catch(onError),
    onRetry: (study) => retry(study, reload).catch(onError),
  });
  findings.wait(PENDING.findings);
  report.wait(PENDING.report);
  const seen = { status: null, findings: false, report: false };

  async function update(study) {
    head.show(study);
    pictures.show(study);
    if (seen.status === study.status) return;
    if (seen.status === null) setTitle(studyName(study));
    seen.status = study.status;
    announce(`${studyName(study)}: ${STATUS_WORDS[study.status]}`);
    if (study.model !== null && !seen.findings) {
      seen.findings = true;
      const found = await json(study.links.findings, { signal });
      pictures.find(found);
      findings.show(found);
    }
    if (study.status === "completed" && !seen.report) {
      seen.report = true;
      await report.load(study);
    }
    if (isFinal(study.status) && study.status !== "completed") await explainEnd(study);
  }

  async function explainEnd(study) {
    const ending = `The study was ${study.status}`;
    if (!seen.findings) findings.wait(`${ending}: there are no findings.`);
    report.wait(`${ending}: there is no report.`);
    head.explain(await faultOf(study));
  }

  fill(root, layout(head.element, pictures, report.element, findings.element));
  const onStudy = (study) => update(study).catch(onError);
  await follow(`/v1/studies/${id}`, { signal, onStudy, onConnection: head.connection });
}

/** Whose study it is and its warnings come first, on a narrow screen and on paper too. */
function layout(head, pictures, report, findings) {
  return h("div.study", {}, head, h("div.stage", {}, pictures.element), report, pictures.onPaper, findings);
}

async function faultOf(study) {
  if (study.error === null) return null;
  const { type, detail, file } = study.error;
  const title = study.status === "failed" ? "The study could not be worked on" : "The study cannot be used";
  const advice = study.status === "failed" ? "Nothing is wrong with what you sent as far as the server knows. Try again, or tell the operator." : await adviceFor(type);
  return faultBox({ title, detail, file, advice });
}

async function retry(study, reload) {
  await post(`${study.links.self}/retry`);
  notify("Trying again");
  await reload();
}

async function erase(study) {
  const question = {
    title: "Delete this study?",
    text: "Its images, findings, report and patient data are erased for good. Work under way is cancelled.",
    yes: "Delete",
  };
  if (!(await confirmed(question))) return;
  await call(study.links.self, { method: "DELETE" });
  notify("Study deleted");
  location.hash = "#/";
}
