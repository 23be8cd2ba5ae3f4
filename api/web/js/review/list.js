/** The lines of a report, one of them chosen: each with its sign, its mark and its findings, and written anew in place. */

import { fill, h } from "../dom.js";
import { placeWords, probability } from "../format.js";
import { mark } from "../marks.js";
import { words, writtenIn } from "../words.js";

const TEXT = words.review;

/**
 * Makes the list.
 *
 * @param {{language: string, findings: Map<string, object>, onChoose: (at: number) => void, onChange: (at: number) => void,
 *   onWords: (text: string) => void, onLeave: () => void}} options `language` of the report; `findings` by label;
 *   `onChange` is told of a line that is to be written anew, `onWords` of each letter of it
 * @returns {{element: HTMLElement, show: (lines: import("./lines.js").Line[], at: number, editing: boolean) => void,
 *   focus: () => void}}
 */
export function lineList({ language, findings, onChoose, onChange, onWords, onLeave }) {
  const element = h("div.lines", {});
  const { sections: titles } = writtenIn(language);
  /** @type {Map<string, ReturnType<typeof lineRow>>} */
  const rows = new Map();
  let order = "";
  let current = null;

  function show(lines, at, editing) {
    const keys = keysOf(lines);
    const shown = lines.map((line, index) => {
      const row = rows.get(keys[index]) ?? lineRow({ language, findings, onWords, onLeave });
      rows.set(keys[index], row);
      row.element.onclick = () => (index === at ? null : onChoose(index));
      row.element.ondblclick = () => onChange(index);
      row.update(line, { chosen: index === at, editing: editing && index === at, place: words.of(index + 1, lines.length) });
      return row.element;
    });
    // Elements that stay are not touched: one of them may have the focus.
    if (order !== keys.join()) fill(element, ...inSections(lines, shown, { titles, language }));
    order = keys.join();
    current = rows.get(keys[at]) ?? null;
  }

  return { element, show, focus: () => current?.focus() };
}

/** A sentence keeps its element, and so does the first, second or third line that was added. */
function keysOf(lines) {
  let added = 0;
  return lines.map(({ of }) => (of === null ? `added-${(added += 1)}` : String(of)));
}

function inSections(lines, elements, { titles, language }) {
  const sections = [...new Set(lines.map(({ section }) => section))];
  return sections.map((name) => {
    const inside = elements.filter((_, at) => lines[at].section === name);
    return h("section.line-section", { "data-section": name }, h("h3", { lang: language }, titles[name]), h("ol", {}, ...inside));
  });
}

function lineRow({ language, findings, onWords, onLeave }) {
  const said = h("span.visually-hidden", {});
  const sign = h("span.line-sign", { "aria-hidden": "true" });
  const text = h("span.line-text", { lang: language });
  const remark = h("span.line-remark", {});
  const button = h("button.line", { type: "button" }, sign, h("span.line-words", {}, said, text, " ", remark));
  const field = h("textarea.line-field", { rows: 1, lang: language, maxlength: 10000, oninput: () => onWords(field.value), onblur: onLeave });
  const below = h("span.line-remark", { "aria-live": "polite" });
  const element = h("li", {}, button);
  let open = false;

  function update(line, { chosen, editing, place }) {
    element.className = `decision-${line.decision}${chosen ? " chosen" : ""}`;
    button.tabIndex = chosen ? 0 : -1;
    button.setAttribute("aria-current", String(chosen));
    fill(sign, mark(line.decision));
    said.textContent = `${TEXT.decisions[line.decision]}: `;
    text.textContent = line.text;
    fill(remark, ...remarksOf(line, language, findings));
    if (editing) {
      field.setAttribute("aria-label", TEXT.writing(place));
      if (field.value !== line.text) field.value = line.text;
      fill(below, ...remarksOf(line, language, findings));
    }
    if (open !== editing) fill(element, ...(editing ? [field, below] : [button]));
    open = editing;
    if (editing) field.style.height = "auto";
    if (editing) field.style.height = `${field.scrollHeight + 2}px`;
  }

  const focus = () => (open ? field : button).focus();
  return { element, update, focus };
}

/** The grade of a sentence that the findings do not support, and the findings that it rests on. */
function remarksOf({ decision, grade, evidence }, language, findings) {
  if (decision === "struck") return [];
  const { marks } = writtenIn(language);
  const graded = grade === null || grade === "supported" ? [] : [h(`strong.line-grade.${grade}`, { lang: language }, mark("warning"), marks[grade])];
  const resting = evidence.map(({ label, place }) => {
    const { name, status, probability: value } = findings.get(label);
    const where = place ? ` · ${placeWords(place)}` : "";
    return h(`span.line-finding.${status}`, {}, mark(status), h("span", { lang: language }, name), ` ${probability(value)}${where}`);
  });
  return [...graded, ...resting];
}
