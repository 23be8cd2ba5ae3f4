/**
 * The lines of a report under review: values alone, no element and no server.
 *
 * A line is a sentence of the version that is reviewed (`of` is its index there), or one that the reader added.
 */

/**
 * @typedef {object} Line
 * @property {string} section
 * @property {string} text as it is to stand in the report
 * @property {?number} of index of the sentence that it was; null of an added line
 * @property {"open" | "accepted" | "changed" | "struck" | "added"} decision
 * @property {?string} original text of that sentence; null of an added line
 * @property {?string} grade null until the server has graded the text
 * @property {string[]} labels
 * @property {{label: string, image: number, box: ?number[], place: ?object}[]} evidence
 * @property {{image: number, box: number[]}[]} regions where its writer saw what it says
 */

/** Makes the lines of a report that nobody has decided about; its warnings are none, they come back by themselves. */
export function linesOf({ sentences, warnings }) {
  const lines = sentences.map(({ section, text, grade, labels, evidence, regions }, of) => {
    return { section, text, of, decision: "open", original: text, grade, labels, evidence, regions };
  });
  return lines.filter(({ text }) => !isWarning(text, warnings));
}

/** Whether a sentence is one of the warnings, which begins with the report's word for it. */
export function isWarning(text, warnings) {
  return warnings.some((warning) => text.endsWith(warning));
}

/** Makes the lines of a draft that the server kept, made of the sentences of its base. */
export function linesOfDraft(lines, sentences) {
  return lines.map((line) => ({ ...line, original: line.of === null ? null : sentences[line.of].text }));
}

/** What the server keeps of them. A line that was added and not written yet is none. */
export function toSend(lines) {
  return written(lines).map(({ section, text, of, decision }) => ({ section, text: text.trim(), of, decision }));
}

/** The lines of which the server hears. */
export function written(lines) {
  return lines.filter(({ text }) => text.trim() !== "");
}

/** Accepts one: a struck line stands again as it was. */
export function accept(lines, at) {
  return replaced(lines, at, (line) => {
    if (line.decision === "struck") return withText(line, line.original);
    return line.decision === "open" ? { ...line, decision: "accepted" } : line;
  });
}

/** Accepts every line that nobody has decided about. */
export function acceptAll(lines) {
  return lines.map((line) => (line.decision === "open" ? { ...line, decision: "accepted" } : line));
}

/** Strikes one; an added line goes altogether. */
export function strike(lines, at) {
  if (lines[at].of === null) return lines.filter((_, index) => index !== at);
  return replaced(lines, at, (line) => ({ ...line, text: line.original, decision: "struck" }));
}

/** Gives one another text; a sentence without any is struck, and an added line goes. */
export function rewrite(lines, at, text) {
  if (text.trim() === "") return strike(lines, at);
  return replaced(lines, at, (line) => withText(line, text));
}

/** Adds an empty line behind another, in its section. */
export function add(lines, at) {
  const line = { section: lines[at].section, text: "", of: null, decision: "added", original: null, grade: null, labels: [], evidence: [], regions: [] };
  return [...lines.slice(0, at + 1), line, ...lines.slice(at + 1)];
}

/**
 * Puts the server's grades on the lines that still read as they were sent.
 *
 * @param {Line[]} lines
 * @param {object[]} graded of the answer
 */
export function regrade(lines, graded) {
  const answers = new Map(graded.map((line) => [keyOf(line), line]));
  return lines.map((line) => {
    const { text, grade, labels, evidence, regions } = answers.get(keyOf(line)) ?? {};
    return text === line.text.trim() ? { ...line, grade, labels, evidence, regions } : line;
  });
}

/** How many nobody has decided about. */
export function openLines(lines) {
  return lines.filter(({ decision }) => decision === "open").length;
}

/** The next line that nobody has decided about, after this one and then from the start; or the one below; or itself. */
export function nextOpen(lines, at) {
  const open = [...lines.keys()].filter((index) => lines[index].decision === "open");
  return open.find((index) => index > at) ?? open[0] ?? Math.min(at + 1, lines.length - 1);
}

function withText(line, text) {
  if (line.of === null) return { ...line, text };
  return { ...line, text, decision: text.trim() === line.original ? "accepted" : "changed" };
}

function replaced(lines, at, change) {
  return lines.map((line, index) => (index === at ? change(line) : line));
}

/** Added lines are told apart by their text: two that say the same are graded the same. */
function keyOf({ section, of, text }) {
  return of === null ? `${section} ${text.trim()}` : String(of);
}
