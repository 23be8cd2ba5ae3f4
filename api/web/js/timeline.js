/** How far a study is: its states as steps, and everything that happened to it. */

import { fill, h } from "./dom.js";
import { STATUS_WORDS, duration, isFinal, moment, statusWords } from "./format.js";
import { mark } from "./marks.js";

const STEPS = ["queued", "classifying", "classified", "reporting", "completed"];
const EVENT_WORDS = {
  received: "Received",
  "images-added": "Added",
  closed: "Closed: no more images",
  claimed: "Taken on by a worker",
  classified: "Findings stored",
  reported: "Report stored",
  rejected: "Rejected",
  "lease-expired": "The worker went silent; the study waits again",
  released: "Given back by its worker; it waits again",
  "attempt-failed": "A try failed; it is tried again alone",
  "gave-up": "Given up",
  cancelled: "Cancelled",
  retried: "Tried again",
  reread: "To be read again",
  edited: "Report changed",
  erased: "Patient data erased",
};

/** Draws the steps: done, current and to come are told by sign and word. */
export function drawSteps(element, study) {
  // A study that was sent whole was never open.
  const all = study.timeline[0]?.status === "open" ? ["open", ...STEPS] : STEPS;
  const at = all.indexOf(study.status);
  const reached = at >= 0 ? at : reachedStep(study, all);
  const steps = all.slice(0, at >= 0 ? all.length : reached + 1).map((status, index) => {
    const done = index < reached || (at < 0 && index <= reached) || status === "completed" && at === index;
    const current = index === at;
    const kind = done ? "completed" : current ? status : "absent";
    return h(`li.step${done ? ".done" : ""}${current ? ".current" : ""}`, { "aria-current": current ? "step" : null }, mark(kind), h("span", {}, STATUS_WORDS[status]));
  });
  if (at < 0) {
    steps.push(h(`li.step.current.status-${study.status}`, { "aria-current": "step" }, mark(study.status), h("span", {}, STATUS_WORDS[study.status])));
  }
  fill(element, ...steps);
}

/** Draws the timeline. */
export function drawTimeline(element, study) {
  const [first] = study.timeline;
  const rows = study.timeline.map((entry) =>
    h(
      "li",
      {},
      h("time.number", { datetime: entry.at }, moment(entry.at)),
      h("span.soft.number", {}, `+${duration(first.at, entry.at)}`),
      h(
        "span",
        {},
        EVENT_WORDS[entry.event] ?? entry.event,
        entry.detail ? h("span.soft", {}, `: ${entry.detail}`) : null,
        h("span.soft", {}, ` · ${entry.actor.name ?? entry.actor.id}`),
      ),
    ),
  );
  fill(element, ...rows);
}

/** "Completed in 3.1 s", or the present status. */
export function statusLine(study) {
  const first = study.timeline[0];
  const last = study.timeline.findLast((entry) => entry.status === study.status);
  if (!isFinal(study.status) || first === undefined || last === undefined) return statusWords(study);
  return `${STATUS_WORDS[study.status]} after ${duration(first.at, last.at)}`;
}

function reachedStep(study, all) {
  const before = study.timeline.map((entry) => all.indexOf(entry.status));
  return Math.max(0, ...before);
}
