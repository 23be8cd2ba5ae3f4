/**
 * The page: what is shown for which address, and what every view shares.
 *
 *   #/               upload + the list of studies      upload.js, studies.js
 *   #/studies/ID     one study                         study.js (viewer, findings, report)
 *   #/studies/ID/review                                its report under review: review/
 *   #/reviews        how reports are reviewed          review/statistics.js
 *   #/batches/ID     studies that were sent together   batch.js
 *
 * frame.js stands around each, and words.js has its words.
 */

import { Problem, json, key } from "./api.js";
import { batchView } from "./batch.js";
import { askForKey, showHelp } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { pageFrame } from "./frame.js";
import { droppedFiles } from "./intake.js";
import { announce, problemBox } from "./notices.js";
import { openNext } from "./review/next.js";
import { statisticsView } from "./review/statistics.js";
import { listen } from "./shortcuts.js";
import { studiesView } from "./studies.js";
import { studyView } from "./study.js";
import { language, words } from "./words.js";

const UUID = "([0-9a-f-]{36})";
const ROUTES = [
  [/^#?\/?$/, studiesView],
  [new RegExp(`^#/studies/${UUID}(?:/(review))?$`), studyView],
  [/^#\/reviews$/, statisticsView],
  [new RegExp(`^#/batches/${UUID}$`), batchView],
];

/**
 * What a view is given.
 *
 * @typedef {object} Page
 * @property {HTMLElement} root where it puts its elements
 * @property {AbortSignal} signal aborted when the user leaves it
 * @property {object} info of GET /v1/info
 * @property {File[]} dropped files that were dropped while another view was open
 * @property {(error: unknown) => void} onError shows what the view cannot mend itself
 * @property {(title: string) => void} setTitle
 * @property {() => Promise<void>} reload shows the view again from the start
 */

const root = document.getElementById("main");
const frame = pageFrame({ onKey: changeKey, onHelp: showHelp, onNext: nextUnread, onSkip: () => root.focus() });
let leaving = new AbortController();
let info = null;
let dropped = [];

async function show() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const onError = (error) => explain(error, signal);
  try {
    info = await json("/v1/info", { signal });
    frame.showKey(info.auth === "required");
    const [view, parameters] = route(location.hash);
    if (info.auth === "required" && !key.get() && (await askForKey(words.page.keyWanted))) info = await json("/v1/info", { signal });
    const files = dropped;
    dropped = [];
    const page = { root, signal, info, dropped: files, onError, setTitle, reload: show };
    await view(page, ...parameters);
  } catch (error) {
    onError(error);
  }
}

function route(hash) {
  for (const [pattern, view] of ROUTES) {
    const match = pattern.exec(hash);
    if (match !== null) return [view, match.slice(1)];
  }
  return [unknownView, []];
}

function unknownView({ root: place, setTitle: title }) {
  title(words.page.unknown);
  fill(place, h("h1", {}, words.page.unknown), h("p", {}, h("a", { href: "#/" }, words.page.toStudies)));
}

async function explain(error, signal) {
  if (signal.aborted || error.name === "AbortError") return;
  if (!(error instanceof Problem)) {
    console.error(error);
  } else if (error.status === 401) {
    if (await askForKey(words.page.keyRefused)) await show();
    return;
  }
  const again = h("button", { type: "button", onclick: show }, words.page.again);
  const list = h("a.button", { href: "#/" }, words.page.toStudies);
  fill(root, problemBox(error, again, list));
}

function setTitle(title) {
  document.title = `${title} · CXR Reporter`;
  announce(title);
}

async function changeKey() {
  if (await askForKey(words.page.keyUsed)) await show();
}

/** Lets files be dropped anywhere; a view that takes them itself has stopped the event before. */
function acceptDrops() {
  const zone = document.documentElement;
  zone.dataset.drop = words.page.drop;
  let depth = 0;
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  zone.addEventListener("dragenter", (event) => {
    if (hasFiles(event)) zone.classList.toggle("dragging", ++depth > 0);
  });
  zone.addEventListener("dragleave", (event) => {
    if (hasFiles(event)) zone.classList.toggle("dragging", --depth > 0);
  });
  zone.addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  zone.addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    zone.classList.remove("dragging");
    const files = await droppedFiles(event.dataTransfer);
    const taken = new CustomEvent("cxr-files", { detail: files, cancelable: true });
    if (!document.dispatchEvent(taken)) return;
    dropped = files;
    location.hash = "#/";
  });
}

function go(id) {
  const element = document.getElementById(id);
  element?.scrollIntoView({ block: "nearest" });
  element?.focus();
}

function nextUnread() {
  const [, id] = /^#\/studies\/([^/]+)/.exec(location.hash) ?? [];
  openNext(info, id).catch((error) => explain(error, leaving.signal));
}

function newStudy() {
  const picker = document.getElementById("files");
  if (picker !== null) picker.click();
  else location.hash = "#/";
}

function start() {
  document.documentElement.lang = language;
  document.body.prepend(...frame.elements);
  acceptDrops();
  listen({
    "?": showHelp,
    n: newStudy,
    s: () => (location.hash = "#/"),
    v: () => go("radiograph"),
    f: () => go("findings"),
    r: () => go("report"),
    u: nextUnread,
  });
  window.addEventListener("hashchange", async () => {
    window.scrollTo(0, 0);
    root.focus({ preventScroll: true });
    await show();
  });
  show();
}

start();
