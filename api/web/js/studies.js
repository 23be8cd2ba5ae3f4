/** The first view: the upload form, and the list of studies, newest first, kept up to date. */

import { json } from "./api.js";
import { fill, h } from "./dom.js";
import { count, isFinal } from "./format.js";
import { announce } from "./notices.js";
import { studyRows } from "./rows.js";
import { uploadForm } from "./upload.js";
import { words } from "./words.js";

const PAGE_SIZE = 25;
const MOST_AT_ONCE = 100;
const REFRESH = 3000;
const REFRESH_IDLE = 12000;

/** @param {import("./app.js").Page} page */
export async function studiesView({ root, signal, info, dropped, onError, setTitle }) {
  setTitle(words.list.title);
  const form = uploadForm({ info, signal, onSent: (path) => (location.hash = path) });
  const list = studyList({ signal, onError });
  fill(root, h("div.home", {}, h("h1.visually-hidden", {}, words.list.title), form.element, list.element));
  if (dropped.length > 0) form.add(dropped);
  await list.start();
}

/**
 * Makes the list of studies with its filter.
 *
 * @param {{signal: AbortSignal, onError: (error: unknown) => void, batchId?: string,
 *   onRefresh?: () => Promise<void>}} options `onRefresh` is called with each look at the server
 * @returns {{element: HTMLElement, start: () => Promise<void>}}
 */
export function studyList({ signal, onError, batchId, onRefresh }) {
  const rows = studyRows();
  const filter = h("select", { id: "status-filter" }, h("option", { value: "" }, words.list.all), ...options(words.statuses));
  const report = h("select", { id: "report-filter" }, h("option", { value: "" }, words.list.all), ...options(words.report.statuses));
  const critical = h("input", { id: "critical-filter", type: "checkbox" });
  const unsigned = h("button.quiet", { type: "button", hidden: true, onclick: () => choose("preliminary") });
  const more = h("button", { type: "button" }, words.list.more);
  const empty = h("p.empty.soft", {});
  let studies = [];
  let cursor = null;
  let filled = false;

  const query = (limit, after) => {
    const parameters = new URLSearchParams({ limit: String(limit) });
    if (filter.value !== "") parameters.set("status", filter.value);
    if (report.value !== "") parameters.set("report_status", report.value);
    if (critical.checked) parameters.set("critical", "true");
    if (batchId !== undefined) parameters.set("batch_id", batchId);
    if (after !== null) parameters.set("cursor", after);
    return json(`/v1/studies?${parameters}`, { signal });
  };

  const choice = () => `${filter.value} ${report.value} ${critical.checked}`;

  function draw() {
    rows.show(studies);
    more.hidden = cursor === null;
    empty.hidden = studies.length > 0;
    empty.textContent = filter.value === "" && report.value === "" && !critical.checked ? words.list.none : words.list.noneChosen;
  }

  /** Looks at the newest studies again, and at older ones as far as one of them is not final yet. */
  async function refresh() {
    const wanted = choice();
    let seen = [];
    let next = null;
    let older = studies;
    do {
      const page = await query(Math.min(MOST_AT_ONCE, Math.max(PAGE_SIZE, older.length)), next);
      if (wanted !== choice()) return;
      seen = [...seen, ...page.items];
      next = page.next_cursor;
      older = next === null ? [] : studies.filter((study) => study.id < seen.at(-1).id);
    } while (older.some((study) => !isFinal(study.status)));
    studies = [...seen, ...older];
    if (older.length === 0) cursor = next;
    draw();
  }

  /** Says how many reports wait to be signed, wherever in the list they are. */
  async function countUnsigned() {
    if (batchId !== undefined) return;
    const { unsigned: number, critical: urgent } = await json("/v1/reviews/waiting", { signal });
    unsigned.hidden = number === 0;
    unsigned.textContent = [count(number, words.counted.unsigned), urgent > 0 && count(urgent, words.counted.critical)].filter(Boolean).join(", ");
  }

  function choose(status) {
    report.value = status;
    report.dispatchEvent(new Event("change"));
  }

  async function loadMore() {
    const page = await query(PAGE_SIZE, cursor);
    studies = [...studies, ...page.items];
    cursor = page.next_cursor;
    draw();
    announce(count(studies.length, words.counted.shown));
  }

  async function keepUpToDate() {
    while (!signal.aborted) {
      const moving = studies.some((study) => !isFinal(study.status));
      await new Promise((resolve) => setTimeout(resolve, moving ? REFRESH : REFRESH_IDLE));
      if (signal.aborted || document.hidden) continue;
      try {
        await Promise.all([refresh(), countUnsigned(), onRefresh?.()]);
      } catch (error) {
        // A list that is a little old is better than none: the next look may reach the server.
        if (!error.passing && !(error.status >= 500)) throw error;
      }
    }
  }

  async function start() {
    await Promise.all([refresh(), countUnsigned()]);
    if (!filled) keepUpToDate().catch(onError);
    filled = true;
  }

  more.addEventListener("click", () => loadMore().catch(onError));
  for (const chosen of [filter, report, critical]) {
    chosen.addEventListener("change", () => {
      studies = [];
      refresh().catch(onError);
    });
  }
  const head = h(
    "div.list-head",
    {},
    h("h2", {}, words.list.title),
    unsigned,
    h("label", {}, critical, ` ${words.list.critical}`),
    h("label", { for: "report-filter" }, words.list.report),
    report,
    h("label", { for: "status-filter" }, words.list.status),
    filter,
  );
  return { element: h("section.studies", {}, head, rows.element, empty, more), start };
}

function options(names) {
  return Object.entries(names).map(([value, name]) => h("option", { value }, name));
}
