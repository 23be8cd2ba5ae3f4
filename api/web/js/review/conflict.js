/** Their version beside mine, line by line: either is taken, and the review goes on. */

import { h } from "../dom.js";
import { moment } from "../format.js";
import { words, writtenIn } from "../words.js";
import { takenLines, undecided } from "./merge.js";

const TEXT = words.review.conflict;

/**
 * Makes the view of a conflict.
 *
 * @param {import("./merge.js").Row[]} rows
 * @param {{report: object, onGoOn: (lines: import("./lines.js").Line[]) => void}} options `report` is theirs
 * @returns {{element: HTMLElement, focus: () => void}}
 */
export function conflictView(rows, { report, onGoOn }) {
  let now = rows;
  const differing = [...rows.keys()].filter((at) => rows[at].differs);
  const waiting = h("p.soft", { role: "status" });
  const goOn = h("button.primary", { type: "button", onclick: finish }, TEXT.goOn, " ", h("kbd", {}, `${words.shortcuts.keys.control} ${words.shortcuts.keys.enter}`));
  const choices = new Map(differing.map((at) => [at, choice(rows[at], at, report.language, (take) => choose(at, take))]));
  const element = h(
    "section.conflict",
    { "aria-labelledby": "conflict-title", onkeydown: onKey },
    h("div.fault", { role: "alert" }, h("p.fault-title", { id: "conflict-title" }, titleOf(report)), h("p", {}, report.status === "preliminary" ? TEXT.means : TEXT.meansSigned)),
    h("ol.conflict-rows", {}, ...[...choices.values()].map((item) => item.element)),
    waiting,
    h("div.actions", {}, all(TEXT.allTheirs, "theirs"), all(TEXT.allMine, "mine"), goOn),
  );
  tell();

  function choose(at, take) {
    now = now.map((row, index) => (index === at ? { ...row, take } : row));
    choices.get(at).show(take);
    tell();
  }

  function all(text, take) {
    return h("button", { type: "button", onclick: () => differing.forEach((at) => choose(at, take)) }, text);
  }

  function tell() {
    waiting.textContent = TEXT.undecided(undecided(now));
  }

  function finish() {
    const open = differing.find((at) => now[at].take === null);
    if (open === undefined) onGoOn(takenLines(now));
    else choices.get(open).focus();
  }

  function onKey(event) {
    if (event.altKey) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return stop(event, finish);
    if (event.ctrlKey || event.metaKey) return;
    const at = differing.find((index) => choices.get(index).element.contains(event.target));
    const take = { t: "theirs", m: "mine" }[event.key];
    if (at === undefined || take === undefined) return;
    stop(event, () => {
      choose(at, take);
      const next = differing.find((index) => index > at) ?? at;
      choices.get(next).focus();
    });
  }

  return { element, focus: () => choices.get(differing[0])?.focus() };
}

function stop(event, action) {
  event.preventDefault();
  action();
}

function titleOf({ author, version, created_at: at, act }) {
  return TEXT.title(author.name, words.review.acts[act], version, moment(at));
}

function choice({ section, before, theirs, mine, take }, at, language, onTake) {
  const { sections: titles } = writtenIn(language);
  const myText = mine === null || mine.decision === "struck" ? null : mine.text;
  const radio = (side, text) => {
    const input = h("input", { type: "radio", name: `conflict-${at}`, onchange: () => onTake(side) });
    const said = text === null ? h("span.soft", {}, TEXT.nothing) : h("span", { lang: language }, text);
    return { input, element: h("label.option", {}, input, h("span", {}, h("strong", {}, TEXT[side]), said)) };
  };
  const [left, right] = [radio("theirs", theirs?.text ?? null), radio("mine", myText)];
  const was = before === null ? null : h("p.small.soft", {}, `${TEXT.was} `, h("span", { lang: language }, before));
  const element = h("li", {}, h("fieldset", {}, h("legend", { lang: language }, titles[section]), was, left.element, right.element));
  const show = (side) => {
    left.input.checked = side === "theirs";
    right.input.checked = side === "mine";
  };
  show(take);
  const focus = () => (right.input.checked ? right : left).input.focus();
  return { element, show, focus };
}
