/** The head of a study's view: what it is, where it stands, what was wrong, and what can be done. */

import { fill, h } from "./dom.js";
import { LANGUAGES, count, isFinal, moment, studyName } from "./format.js";
import { drawSteps, drawTimeline, statusLine } from "./timeline.js";

/**
 * Makes the head.
 *
 * @param {{onDelete: (study: object) => void, onRetry: (study: object) => void}} options
 * @returns {{element: HTMLElement, show: (study: object) => void, explain: (box: ?HTMLElement) => void,
 *   connection: (ok: boolean) => void}}
 */
export function studyHead({ onDelete, onRetry }) {
  let study = null;
  const title = h("h1.file-name", {});
  const facts = h("p.soft", {});
  const status = h("p.status-line", { id: "status" });
  const identity = h("p.print-only", {});
  const steps = h("ol.steps", { "aria-label": "Progress" });
  const fault = h("div", {});
  const offline = h("p.notice", { hidden: true, role: "status" }, "Connection lost. Trying again; the study goes on meanwhile.");
  const timeline = h("ol.timeline", {});
  const retry = h("button.primary", { type: "button", hidden: true, onclick: () => onRetry(study) }, "Try again");
  const remove = h("button.danger", { type: "button", onclick: () => onDelete(study) }, "Delete");
  const details = h("details", {}, h("summary", {}, "Timeline"), timeline, h("p.small.soft", { id: "study-id" }));
  const element = h("header.panel.study-head", {}, title, identity, facts, status, steps, offline, fault, h("div.head-foot", {}, details, h("div.actions", {}, retry, remove)));

  function show(next) {
    study = next;
    title.textContent = studyName(study);
    facts.textContent = factsOf(study).join(" · ");
    status.textContent = statusLine(study);
    status.className = `status-line status-${study.status}`;
    element.classList.toggle("moving", !isFinal(study.status));
    // At a good end the line above says it all.
    steps.hidden = study.status === "completed";
    drawSteps(steps, study);
    drawTimeline(timeline, study);
    identity.textContent = `Study ${study.id}`;
    details.querySelector("#study-id").textContent = `Study ${study.id}`;
    retry.hidden = study.status !== "failed";
  }

  const explain = (box) => fill(fault, box);
  const connection = (ok) => {
    offline.hidden = ok;
  };
  return { element, show, explain, connection };
}

function factsOf(study) {
  const views = study.images.map((image) => image.view).filter((view) => view && view !== "UNKNOWN");
  return [
    count(study.images.length, "image"),
    ...(views.length > 0 ? [views.join(", ")] : []),
    ...(study.priority === "routine" ? [] : [study.priority]),
    LANGUAGES[study.language] ?? study.language,
    moment(study.created_at),
  ];
}
