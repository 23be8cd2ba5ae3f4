/** How far a study is: its states as steps, and everything that happened to it. */

import { fill, h } from "./dom.js";
import { duration, isFinal, moment, statusWords } from "./format.js";
import { mark } from "./marks.js";
import { byServer } from "./notices.js";
import { words } from "./words.js";

const STEPS = ["queued", "classifying", "classified", "reporting", "completed"];

/** Events from which on the server owes a report. */
const ASKED = new Set(["received", "closed", "reopened", "retried", "reread"]);

/** Draws the steps: done, current and to come are told by sign and word. */
export function drawSteps(element, study) {
  // A study that was sent whole was never open.
  const all = study.timeline.some((entry) => entry.status === "open") ? ["open", ...STEPS] : STEPS;
  const at = all.indexOf(study.status);
  const reached = at >= 0 ? at : reachedStep(study, all);
  const steps = all.slice(0, at >= 0 ? all.length : reached + 1).map((status, index) => {
    const done = index < reached || (at < 0 && index <= reached) || status === "completed" && at === index;
    const current = index === at;
    const kind = done ? "completed" : current ? status : "absent";
    return h(`li.step${done ? ".done" : ""}${current ? ".current" : ""}`, { "aria-current": current ? "step" : null }, mark(kind), h("span", {}, words.statuses[status]));
  });
  if (at < 0) {
    steps.push(h(`li.step.current.status-${study.status}`, { "aria-current": "step" }, mark(study.status), h("span", {}, words.statuses[study.status])));
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
        words.events[entry.event] ?? entry.event,
        entry.detail ? h("span.soft", {}, ": ", byServer(entry.detail)) : null,
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
  return words.study.ended(words.statuses[study.status], duration(asked.at, timeline[ended].at));
}

function reachedStep(study, all) {
  const before = study.timeline.map((entry) => all.indexOf(entry.status));
  return Math.max(0, ...before);
}
