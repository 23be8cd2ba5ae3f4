/** The head of a study's view: what it is, where it stands, what was wrong, and what can be done. */

import { fill, h } from "./dom.js";
import { age, calendarDay, count, criticalWords, fullMoment, isFinal, moment, personName, sexWord, studyName, viewName } from "./format.js";
import { mark } from "./marks.js";
import { byServer } from "./notices.js";
import { drawSteps, drawTimeline, statusLine } from "./timeline.js";
import { words } from "./words.js";

const TEXT = words.head;

/**
 * Makes the head.
 *
 * @param {{signal: AbortSignal, onDelete: (study: object) => void, onRetry: (study: object) => void}} options
 * @returns {{element: HTMLElement, show: (study: object) => void, explain: (box: ?HTMLElement) => void,
 *   connection: (ok: boolean) => void}}
 */
export function studyHead({ signal, onDelete, onRetry }) {
  let study = null;
  const title = h("h1.file-name", {});
  const patient = h("dl.patient", {});
  // Said at once to whoever does not see it appear.
  const critical = h("div.critical", { role: "alert" });
  const warnings = h("div.warnings", {});
  const setAside = h("div", {});
  const facts = h("p.soft.screen-only", {});
  const status = h("p.status-line", { id: "status" });
  const identity = h("p.print-only", {});
  const steps = h("ol.steps", { "aria-label": TEXT.progress });
  const fault = h("div", {});
  const offline = h("p.notice", { hidden: true, role: "status" }, TEXT.offline);
  const timeline = h("ol.timeline", {});
  const retry = h("button.primary", { type: "button", hidden: true, onclick: () => onRetry(study) }, TEXT.retry);
  const remove = h("button.danger", { type: "button", onclick: () => onDelete(study) }, TEXT.remove);
  const details = h("details", {}, h("summary", {}, TEXT.timeline), timeline, h("p.small.soft", { id: "study-id" }));
  const element = h("header.panel.study-head", {}, title, critical, patient, identity, warnings, facts, status, steps, offline, fault, setAside, h("div.head-foot", {}, details, h("div.actions", {}, retry, remove)));

  function show(next) {
    study = next;
    title.textContent = studyName(study);
    drawPatient(patient, study);
    drawCritical(critical, study);
    drawWarnings(warnings, study);
    drawSetAside(setAside, study.set_aside);
    facts.textContent = factsOf(study).join(" · ");
    status.textContent = statusLine(study);
    status.className = `status-line status-${study.status}`;
    element.classList.toggle("moving", !isFinal(study.status));
    // At a good end the line above says it all.
    steps.hidden = study.status === "completed";
    drawSteps(steps, study);
    drawTimeline(timeline, study);
    details.querySelector("#study-id").textContent = TEXT.study(study.id);
    retry.hidden = study.status !== "failed";
  }

  const onPrint = () => {
    if (study === null) return;
    const printed = fullMoment(new Date());
    fill(identity, TEXT.study(study.id), h("br"), TEXT.printed(fullMoment(study.created_at), printed));
  };
  window.addEventListener("beforeprint", onPrint, { signal });

  const explain = (box) => fill(fault, box);
  const connection = (ok) => {
    offline.hidden = ok;
  };
  return { element, show, explain, connection };
}

function factsOf(study) {
  const views = study.images.map(viewName).filter(Boolean);
  return [
    count(study.images.length, words.counted.image),
    ...(views.length > 0 ? [views.join(", ")] : []),
    ...(study.priority === "routine" ? [] : [words.priorities[study.priority]]),
    words.languages[study.language] ?? study.language,
    moment(study.created_at),
  ];
}

function drawPatient(list, { patient, study_date: date, order }) {
  const known = {
    [TEXT.patientId]: patient.id,
    [TEXT.sex]: sexWord(patient.sex),
    [TEXT.age]: age(patient.age_years),
    [TEXT.studyDate]: calendarDay(date),
  };
  const more = {
    [TEXT.name]: personName(order.patient_name),
    [TEXT.born]: calendarDay(order.patient_birth_date),
    [TEXT.accession]: order.accession_number,
  };
  // On paper it is said that nothing is known of the patient; on the screen that would be in the way.
  list.classList.toggle("unknown", !Object.values({ ...known, ...more }).some(Boolean));
  const lines = [...Object.entries(known), ...Object.entries(more).filter(([, value]) => value)];
  fill(list, ...lines.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value || TEXT.notGiven))));
}

/** What must not wait for its reader's turn. */
function drawCritical(place, study) {
  const said = criticalWords(study);
  if (place.textContent !== said) fill(place, ...(said === "" ? [] : [mark("critical"), said]));
}

/** What a reader must know first, whatever follows. */
function drawWarnings(place, { warnings, language }) {
  if (place.dataset.words === warnings.join("\n")) return;
  place.dataset.words = warnings.join("\n");
  const title = h("p.warnings-title", {}, mark("warning"), count(warnings.length, words.counted.warning));
  fill(place, ...(warnings.length === 0 ? [] : [title, h("ul", { lang: language }, ...warnings.map((warning) => h("li", {}, warning)))]));
}

/** Files that are no images are neither an error nor lost: each is named, with the reason. */
function drawSetAside(place, files) {
  if (files.length === 0 || place.childElementCount > 0) return;
  const title = count(files.length, words.counted.setAside);
  const lines = files.map(({ file, reason }) => h("li", {}, h("span.file-name", {}, file), ": ", byServer(reason)));
  fill(place, h("details.set-aside", { open: files.length < 4 }, h("summary", {}, title), h("ul", {}, ...lines)));
}
