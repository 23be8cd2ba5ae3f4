/**
 * A report under review: its lines are decided about by single keys, saved as they change, and signed.
 *
 * lines.js has what can be done with lines, draft.js keeps them on the server, list.js shows them, banner.js says what
 * stands above them, toolbar.js names the keys; where somebody else was quicker, merge.js and conflict.js bring the two together.
 */

import { Problem, asking, call, json } from "../api.js";
import { askForText } from "../dialogs.js";
import { fill, h } from "../dom.js";
import { announce, notify, problemBox } from "../notices.js";
import { words } from "../words.js";
import { sign } from "./acts.js";
import { reviewBanner } from "./banner.js";
import { conflictView } from "./conflict.js";
import { savedDraft } from "./draft.js";
import { history } from "./history.js";
import { keysOf } from "./keys.js";
import * as change from "./lines.js";
import { lineList } from "./list.js";
import { changedByThem, rowsOf, takenLines } from "./merge.js";
import { reviewToolbar } from "./toolbar.js";

const TEXT = words.review;
/** Milliseconds between two looks at who else has the report open. */
const LOOK = 20000;

/**
 * A report with the tag that its version goes by.
 *
 * @typedef {{report: object, etag: string}} Version
 */

/**
 * Makes the review of a report.
 *
 * @param {string} path of the report
 * @param {Version} version the version that is reviewed
 * @param {{person: ?string, findings: Map<string, object>, signal: AbortSignal, onError: (error: unknown) => void,
 *   onChoose: (line: import("./lines.js").Line) => void, onEnd: () => void, onNewReader: () => void, newest: () => Promise<Version>}} options
 *   `onNewReader` is called when somebody else is to read, `newest` fetches the report as it is now
 * @returns {{element: HTMLElement, start: () => Promise<void>, moved: () => Promise<void>}}
 */
export function review(path, version, { person, findings, signal, onError, onChoose, onEnd, onNewReader, newest }) {
  let base = version;
  let states = history([]);
  let at = 0;
  let editing = false;
  let busy = false;
  let merging = false;
  const over = new AbortController();
  const open = AbortSignal.any([signal, over.signal]);
  /** What a line was before it was written anew, for whoever thinks better of it. */
  let kept = null;

  const list = lineList({ language: base.report.language, findings, onChoose: choose, onChange: (index) => (choose(index), write()), onWords, onLeave: endWriting });
  const banner = reviewBanner({
    person,
    onNewReader: () => leave().then(onNewReader).catch(onError),
    onTakeSaved: () => takeSaved().catch(onError),
    onKeepMine: () => keepMine().catch(onError),
  });
  const actions = { accept, change: write, strike, add, acceptAll, undo, sign: () => signIt().catch(onError), leave: () => leave().catch(onError) };
  const tools = reviewToolbar(actions);
  const place = h("div.review-body", {}, list.element);
  const element = h("div.review", { onkeydown: keysOf(actions, { down: () => step(1), up: () => step(-1), writing: () => editing, done: writtenDown, revert, merging: () => merging }) }, ...banner.elements, place, tools.element);
  const draft = savedDraft(path, { person, signal, onState: banner.saving, onSaved });

  async function start() {
    const found = await draft.load();
    if (found === null) {
      restart(change.linesOf(base.report));
      save();
      // At once: others are told that the report is open, and the time that a reading takes begins.
      draft.flush();
    } else {
      await restore(found);
    }
    if (!merging && !open.aborted) choose(at);
    lookAround();
  }

  /** Goes on where the reader stopped, though the report may be another by now. */
  async function restore(found) {
    const now = base;
    if (found.base_version !== now.report.version) base = await versionOf(`${path}/versions/${found.base_version}`);
    restart(change.linesOfDraft(found.lines, base.report.sentences));
    banner.saving({ kind: "saved", at: found.saved_at });
    banner.others(found.others);
    await meet(now);
  }

  /** Reads an earlier version with its own tag: what is made of it can never be signed as if it were of a later one. */
  async function versionOf(address) {
    const response = await call(address, { signal });
    return { report: await response.json(), etag: response.headers.get("ETag") };
  }

  function restart(lines) {
    states = history(lines);
    at = Math.max(0, lines.findIndex(({ decision }) => decision === "open"));
    editing = false;
    banner.name(base.report.status === "preliminary" ? TEXT.title(base.report.version) : TEXT.amending(base.report.version));
  }

  function draw() {
    const lines = states.now();
    at = Math.min(at, lines.length - 1);
    list.show(lines, at, editing);
    tools.sync({ open: change.openLines(lines), undoable: states.undoable(), signed: base.report.status !== "preliminary", busy });
  }

  function choose(index) {
    at = index;
    draw();
    list.focus();
    onChoose(states.now()[at]);
  }

  function step(by) {
    choose(Math.max(0, Math.min(states.now().length - 1, at + by)));
  }

  /** Takes over a change of the lines, saves it, and goes to the line that is next. */
  function apply(lines, next = at, kind = "") {
    states.change(lines, kind);
    save();
    at = Math.min(next, lines.length - 1);
    draw();
  }

  function accept() {
    const lines = change.accept(states.now(), at);
    apply(lines, change.nextOpen(lines, at));
    choose(at);
  }

  function acceptAll() {
    apply(change.acceptAll(states.now()));
    choose(at);
    announce(TEXT.allAccepted);
  }

  function strike() {
    const added = states.now()[at].of === null;
    const lines = change.strike(states.now(), at);
    apply(lines, added ? at : change.nextOpen(lines, at));
    choose(at);
  }

  function add() {
    kept = states.now();
    apply(change.add(states.now(), at), at + 1);
    editing = true;
    draw();
    list.focus();
  }

  function write() {
    kept = states.now();
    if (kept[at].decision === "struck") apply(change.accept(kept, at));
    editing = true;
    draw();
    list.focus();
  }

  function onWords(text) {
    if (!editing || text.trim() === "") return;
    apply(change.rewrite(states.now(), at, text), at, `writing ${at}`);
  }

  function endWriting() {
    if (!editing) return;
    editing = false;
    const text = element.querySelector(".line-field")?.value ?? "";
    const lines = change.rewrite(states.now(), at, text);
    if (text.trim() === "") apply(lines);
    draw();
  }

  function writtenDown() {
    endWriting();
    choose(change.nextOpen(states.now(), at));
  }

  function revert() {
    editing = false;
    apply(kept);
    choose(at);
  }

  function undo() {
    editing = false;
    if (!states.undo()) return;
    save();
    choose(Math.min(at, states.now().length - 1));
  }

  function save() {
    draft.save({ base_version: base.report.version, lines: change.toSend(states.now()) });
  }

  function onSaved(answer) {
    if (open.aborted) return;
    states.touch(change.regrade(states.now(), answer.lines));
    banner.others(answer.others);
    draw();
    if (answer.stale && !busy) moved().catch(onError);
  }

  async function takeSaved() {
    banner.explain(null);
    const found = await draft.load();
    // It is gone where the other tab has signed.
    if (found === null) return moved();
    await restore(found);
    if (!merging && !open.aborted) choose(at);
  }

  async function keepMine() {
    banner.explain(null);
    await draft.load();
    save();
    list.focus();
  }

  function lookAround() {
    const look = async () => {
      if (document.hidden || draft.unsaved() || busy) return;
      const found = await draft.peek();
      if (found !== null) banner.others(found.others);
    };
    const timer = setInterval(() => look().catch(() => {}), LOOK);
    open.addEventListener("abort", () => clearInterval(timer));
  }

  async function signIt() {
    if (busy || merging) return;
    endWriting();
    const signed = base.report.status !== "preliminary";
    const reason = signed ? await askForText(TEXT.amendQuestion) : null;
    if (signed && reason === null) return list.focus();
    busy = true;
    banner.explain(null);
    states.touch(change.acceptAll(states.now()));
    draw();
    try {
      await draft.settle();
      const given = { person, lines: change.toSend(states.now()), ...(signed ? { reason } : {}) };
      const report = await sign(path, base.etag, given);
      notify(TEXT.signed(TEXT.statusesDone[report.status], report.author.name));
      end();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      save();
      if (error.status === 412) await meet(await newest());
      else banner.explain(problemBox(error));
    } finally {
      busy = false;
      draw();
    }
  }

  async function leave() {
    endWriting();
    await draft.flush();
    end();
  }

  function end() {
    over.abort();
    onEnd();
  }

  /** Somebody did something to the report meanwhile, or we did. */
  async function moved() {
    if (busy || merging) return;
    await meet(await newest());
  }

  /** Brings what I made of my version together with their newer one. */
  async function meet(theirs) {
    if (theirs.report.version === base.report.version) return;
    if (theirs.report.status === "entered-in-error") return end();
    const { items } = await json(asking(`${path}/diff`, { from: base.report.version, to: theirs.report.version }), { signal });
    const rows = rowsOf(change.written(states.now()), items, [base.report, theirs.report]);
    const untouched = states.now().every(({ decision }) => decision === "open" || decision === "accepted");
    const alike = untouched || rows.every(({ differs }) => !differs);
    if (alike || !changedByThem(rows)) {
      const { status, author, version: number, act } = theirs.report;
      notify(TEXT.movedOn(author.name, TEXT.acts[act], number));
      // What they signed needs no second signature where nothing of mine differs.
      if (!alike || status === "preliminary") return goOn(theirs, takenLines(rows));
      await draft.remove();
      return end();
    }
    merging = true;
    tools.element.hidden = true;
    const view = conflictView(rows, { report: theirs.report, onGoOn: (lines) => goOn(theirs, lines) });
    fill(place, view.element);
    view.focus();
  }

  function goOn(theirs, lines) {
    merging = false;
    base = theirs;
    tools.element.hidden = false;
    fill(place, list.element);
    restart(lines);
    save();
    choose(at);
  }

  window.addEventListener("beforeunload", (event) => draft.unsaved() && event.preventDefault(), { signal: open });
  signal.addEventListener("abort", () => draft.flush());
  return { element, start, moved };
}
