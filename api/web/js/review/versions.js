/** The versions of a report: who did what when, and what differs between any two. */

import { asking, json } from "../api.js";
import { fill, h } from "../dom.js";
import { moment } from "../format.js";
import { language as pageLanguage, words, writtenIn } from "../words.js";

const TEXT = words.review.versions;

/**
 * Makes the list of versions, which is fetched when it is opened.
 *
 * @param {string} path of the report
 * @param {{language: string, signal: AbortSignal, onError: (error: unknown) => void}} options
 * @returns {{element: HTMLElement, compare: (from: number, to: number) => void}}
 */
export function versionList(path, { language, signal, onError }) {
  const list = h("ol.version-list", {});
  const difference = h("div.difference", { tabindex: -1, role: "region", "aria-label": TEXT.difference });
  const [from, to] = ["from", "to"].map((name) => h("select", { id: `version-${name}`, onchange: () => compareChosen().catch(onError) }));
  const choice = h("p.actions", {}, h("label", { for: "version-from" }, TEXT.from), from, h("label", { for: "version-to" }, TEXT.to), to);
  const element = h("details.versions.screen-only", { ontoggle: () => element.open && load().catch(onError) }, h("summary", {}, TEXT.title), list, choice, difference);
  let wanted = null;

  async function load() {
    const { items } = await json(`${path}/versions`, { signal });
    fill(list, ...items.map(versionLine));
    for (const select of [from, to]) fill(select, ...items.map(({ version }) => h("option", { value: version }, version)));
    const versions = items.map(({ version }) => version).sort((one, other) => one - other);
    const [before, last] = wanted ?? [versions.at(-2) ?? versions.at(-1), versions.at(-1)];
    from.value = String(before);
    to.value = String(last);
    choice.hidden = items.length < 2;
    if (items.length > 1) await compareChosen();
  }

  async function compareChosen() {
    const { items } = await json(asking(`${path}/diff`, { from: from.value, to: to.value }), { signal });
    fill(difference, ...differenceParts(items, language));
  }

  function compare(before, after) {
    wanted = [before, after];
    if (element.open) load().catch(onError);
    else element.open = true;
    difference.scrollIntoView({ block: "nearest" });
    difference.focus();
  }

  return { element, compare };
}

function versionLine({ version, act, author, created_at: at, reason }) {
  return h("li", {}, h("span.number", {}, version), h("span", {}, words.review.acts[act], h("span.soft", {}, ` · ${author.name} · ${moment(at)}`), reason ? h("span.soft", {}, ` · ${reason}`) : null));
}

/** Makes what differs, sentence by sentence, in the sections in which it stands. */
function differenceParts(items, language) {
  if (items.every(({ op }) => op === "same")) return [h("p.soft", {}, TEXT.same)];
  const { sections: titles } = writtenIn(language);
  const sections = [...new Set(items.map(({ section }) => section))];
  return sections.map((name) => h("section", { lang: language }, h("h3", {}, titles[name]), ...items.filter(({ section }) => section === name).map(sentence)));
}

function sentence({ op, before, after }) {
  if (op === "same") return h("p.soft", {}, after);
  if (op === "added") return h("p", {}, changed("ins", TEXT.added, after));
  if (op === "removed") return h("p", {}, changed("del", TEXT.removed, before));
  const { start, out, into, end } = middleOf(before, after);
  return h("p", {}, start, out && changed("del", TEXT.removed, out), out && into && " ", into && changed("ins", TEXT.added, into), end);
}

/** Colour and line are for eyes; the words say the same to everybody else. */
function changed(tag, said, text) {
  return h(tag, {}, h("span.visually-hidden", { lang: pageLanguage }, `${said}: `), text);
}

/** Cuts two sentences into the words that they begin with alike, those that differ, and those that they end with alike. */
function middleOf(before, after) {
  const [one, other] = [before, after].map((text) => text.split(/(?<=\s)/));
  let start = 0;
  while (start < Math.min(one.length, other.length) && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < Math.min(one.length, other.length) - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  const cut = (parts) => parts.slice(start, parts.length - end).join("");
  return { start: one.slice(0, start).join(""), out: cut(one), into: cut(other), end: one.slice(one.length - end).join("") };
}
