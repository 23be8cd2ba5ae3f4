/** The head of a study's view: what it is, where it stands, what was wrong, and what can be done. */

import { fill, h } from "./dom.js";
import { LANGUAGES, age, calendarDay, count, criticalWords, fullMoment, isFinal, moment, personName, sexWord, studyName, viewName } from "./format.js";
import { mark } from "./marks.js";
import { drawSteps, drawTimeline, statusLine } from "./timeline.js";

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
  const steps = h("ol.steps", { "aria-label": "Progress" });
  const fault = h("div", {});
  const offline = h("p.notice", { hidden: true, role: "status" }, "Connection lost. Trying again; the study goes on meanwhile.");
  const timeline = h("ol.timeline", {});
  const retry = h("button.primary", { type: "button", hidden: true, onclick: () => onRetry(study) }, "Try again");
  const remove = h("button.danger", { type: "button", onclick: () => onDelete(study) }, "Delete");
  const details = h("details", {}, h("summary", {}, "Timeline"), timeline, h("p.small.soft", { id: "study-id" }));
  const element = h("header.panel.study-head", {}, title, critical, patient, identity, warnings, facts, status, steps, offline, fault, setAside, h("div.head-foot", {}, details, h("div.actions", {}, retry, remove)));

  function show(next) {
    study = next;
    title.textContent = studyName(study);
    drawPatient(patient, study);
    drawCritical(critical, study);
    drawWarnings(warnings, study.warnings);
    drawSetAside(setAside, study.set_aside);
    facts.textContent = factsOf(study).join(" · ");
    status.textContent = statusLine(study);
    status.className = `status-line status-${study.status}`;
    element.classList.toggle("moving", !isFinal(study.status));
    // At a good end the line above says it all.
    steps.hidden = study.status === "completed";
    drawSteps(steps, study);
    drawTimeline(timeline, study);
    details.querySelector("#study-id").textContent = `Study ${study.id}`;
    retry.hidden = study.status !== "failed";
  }

  const onPrint = () => {
    if (study === null) return;
    const printed = fullMoment(new Date());
    fill(identity, `Study ${study.id}`, h("br"), `Received ${fullMoment(study.created_at)} · printed ${printed}`);
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
    count(study.images.length, "image"),
    ...(views.length > 0 ? [views.join(", ")] : []),
    ...(study.priority === "routine" ? [] : [study.priority]),
    LANGUAGES[study.language] ?? study.language,
    moment(study.created_at),
  ];
}

function drawPatient(list, { patient, study_date: date, order }) {
  const known = {
    "Patient id": patient.id,
    Sex: sexWord(patient.sex),
    Age: age(patient.age_years),
    "Study date": calendarDay(date),
  };
  const more = {
    Name: personName(order.patient_name),
    Born: calendarDay(order.patient_birth_date),
    Accession: order.accession_number,
  };
  // On paper it is said that nothing is known of the patient; on the screen that would be in the way.
  list.classList.toggle("unknown", !Object.values({ ...known, ...more }).some(Boolean));
  const lines = [...Object.entries(known), ...Object.entries(more).filter(([, value]) => value)];
  fill(list, ...lines.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value || "not given"))));
}

/** What must not wait for its reader's turn. */
function drawCritical(place, study) {
  const words = criticalWords(study);
  if (place.textContent !== words) fill(place, ...(words === "" ? [] : [mark("critical"), words]));
}

/** What a reader must know first, whatever follows. */
function drawWarnings(place, warnings) {
  if (place.dataset.words === warnings.join("\n")) return;
  place.dataset.words = warnings.join("\n");
  const title = h("p.warnings-title", {}, mark("warning"), count(warnings.length, "Warning"));
  fill(place, ...(warnings.length === 0 ? [] : [title, h("ul", {}, ...warnings.map((words) => h("li", {}, words)))]));
}

/** Files that are no images are neither an error nor lost: each is named, with the reason. */
function drawSetAside(place, files) {
  if (files.length === 0 || place.childElementCount > 0) return;
  const title = `${count(files.length, "file")} set aside: no image`;
  const lines = files.map(({ file, reason }) => h("li", {}, h("span.file-name", {}, file), `: ${reason}`));
  fill(place, h("details.set-aside", { open: files.length < 4 }, h("summary", {}, title), h("ul", {}, ...lines)));
}
