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
  critical: "Critical finding",
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

/** Events from which on the server owes a report. */
const ASKED = new Set(["received", "closed", "retried", "reread"]);

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

/**
 * "Completed after 3.1 s", or the present status.
 *
 * Counted from when the server was asked for what ended: a study that waited for images, or was tried or read
 * again a year later, took no year. What happens after the end (a changed report) leaves the status as it is.
 */
export function statusLine(study) {
  const { timeline } = study;
  const ended = timeline.findLastIndex(({ status }, at) => status !== timeline[at - 1]?.status);
  const asked = timeline.slice(0, ended + 1).findLast(({ event }) => ASKED.has(event));
  if (!isFinal(study.status) || asked === undefined) return statusWords(study);
  return `${STATUS_WORDS[study.status]} after ${duration(asked.at, timeline[ended].at)}`;
}

function reachedStep(study, all) {
  const before = study.timeline.map((entry) => all.indexOf(entry.status));
  return Math.max(0, ...before);
}
