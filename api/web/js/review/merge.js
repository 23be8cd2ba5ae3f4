/** Two readers' changes of one report, line by line: values alone, no element and no server. */

import { isWarning } from "./lines.js";

/**
 * A sentence as they left it beside the same as I left it.
 *
 * @typedef {object} Row
 * @property {string} section
 * @property {?string} before as it was; null of a line that one of the two added
 * @property {?{of: number, text: string}} theirs its place in their version; null where they took it out or never had it
 * @property {?import("./lines.js").Line} mine null where I never had it
 * @property {"theirs" | "mine" | null} take null while somebody has to choose
 * @property {boolean} differs whether the two read differently
 */

/**
 * Lays what I made of a version beside what they made of it.
 *
 * @param {import("./lines.js").Line[]} mine
 * @param {{section: string, op: string, before: ?string, after: ?string}[]} difference from that version to theirs
 * @param {{sentences: {section: string}[], warnings: string[]}[]} versions that version, and theirs
 * @returns {Row[]} of all but the warnings, which are nobody's
 */
export function rowsOf(mine, difference, versions) {
  const warnings = versions.flatMap((version) => version.warnings);
  const [before, after] = versions.map(({ sentences }) => counter(sentences));
  const rows = addedAfter(mine, null).map(addedByMe);
  for (const item of difference) {
    const theirs = item.op === "removed" ? null : { of: after(item.section), text: item.after };
    const of = item.op === "added" ? null : before(item.section);
    if (isWarning(item.after ?? item.before, warnings)) continue;
    if (of === null) rows.push({ section: item.section, before: null, theirs, mine: null, take: "theirs", differs: true });
    else rows.push(changedByBoth(item, theirs, mine.find((line) => line.of === of)), ...addedAfter(mine, of).map(addedByMe));
  }
  return rows;
}

/** Gives the index of the first sentence of a section, then of the next, and so on. */
function counter(sentences) {
  const left = new Map();
  sentences.forEach(({ section }, of) => left.set(section, [...(left.get(section) ?? []), of]));
  return (section) => left.get(section).shift();
}

/** The lines to go on with, over their version; what I did not touch is open again where they changed it. */
export function takenLines(rows) {
  return rows.map(({ take, ...row }) => (take === "theirs" ? takenTheirs(row) : takenMine(row))).filter((line) => line !== null);
}

/** Whether their version reads otherwise than the one that both began with. */
export function changedByThem(rows) {
  return rows.some(({ before, theirs }) => (theirs?.text ?? null) !== before);
}

/** How many rows wait for a choice. */
export function undecided(rows) {
  return rows.filter(({ take }) => take === null).length;
}

function changedByBoth({ section, op, before }, theirs, mine) {
  const [theirText, myText] = [theirs?.text ?? null, textOf(mine ?? null)];
  const differs = theirText !== myText;
  const take = op === "same" ? "mine" : !differs || myText === before ? "theirs" : null;
  return { section, before, theirs, mine: mine ?? null, take, differs };
}

function addedByMe(mine) {
  return { section: mine.section, before: null, theirs: null, mine, take: "mine", differs: true };
}

function takenTheirs({ section, theirs, mine, differs }) {
  if (theirs === null) return null;
  const decision = differs ? "open" : "accepted";
  return { ...fresh(section, theirs), decision: mine === null ? "open" : decision };
}

function takenMine({ section, theirs, mine }) {
  const text = textOf(mine);
  if (theirs === null) return text === null ? null : { ...mine, text, of: null, original: null, decision: "added" };
  const line = fresh(section, theirs);
  if (text === null) return { ...line, decision: "struck" };
  if (text !== theirs.text) return { ...line, text, decision: "changed" };
  return { ...line, decision: mine.decision === "open" ? "open" : "accepted" };
}

function fresh(section, { of, text }) {
  return { section, text, of, original: text, grade: null, labels: [], evidence: [], regions: [] };
}

/** What a line of mine puts into the report; null where it puts nothing. */
function textOf(line) {
  return line === null || line.decision === "struck" ? null : line.text;
}

/** The lines that I added behind the sentence with this index, or before all of them. */
function addedAfter(mine, of) {
  const start = of === null ? 0 : mine.findIndex((line) => line.of === of) + 1;
  const rest = mine.slice(start);
  const end = rest.findIndex((line) => line.of !== null);
  return end < 0 ? rest : rest.slice(0, end);
}
