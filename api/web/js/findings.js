/** The findings as bars: probability, threshold, uncertain band, and what that means in a word. */

import { fill, h } from "./dom.js";
import { placeWords, probability } from "./format.js";
import { mark } from "./marks.js";

const ORDER = ["present", "uncertain", "absent"];
const WORDS = { present: "Present", uncertain: "Uncertain", absent: "Absent" };

/**
 * Makes the panel.
 *
 * @param {{onSelect: (label: ?string) => void}} options the label whose heatmap is wanted, or null
 * @returns {{element: HTMLElement, show: (findings: object) => void, wait: (words: string) => void,
 *   step: (by: number) => void, selected: () => ?string}}
 */
export function findingsPanel({ onSelect }) {
  const body = h("div", {});
  const element = h("section.panel", { id: "findings", tabindex: -1, "aria-labelledby": "findings-title" }, h("h2", { id: "findings-title" }, "Findings"), body);
  let selected = null;
  /** @type {Map<string, HTMLElement>} the buttons of findings that have a place on the picture */
  const buttons = new Map();

  function select(label) {
    selected = label;
    for (const [name, button] of buttons) button.setAttribute("aria-pressed", String(name === label));
    onSelect(label);
  }

  function show({ findings, model }) {
    buttons.clear();
    const sorted = [...findings].sort(byWeight);
    const rows = sorted.map((finding) => findingRow(finding, select, () => selected, buttons));
    fill(body, summary(findings), h("ul.findings", {}, ...rows), legend(), modelLine(model));
    const first = buttons.keys().next().value ?? null;
    select(first);
  }

  function step(by) {
    const labels = [...buttons.keys()];
    if (labels.length === 0) return;
    const at = labels.indexOf(selected);
    select(labels[(at + by + labels.length) % labels.length]);
  }

  const wait = (words) => fill(body, h("p.soft", {}, words));
  return { element, show, wait, step, selected: () => selected };
}

function byWeight(one, other) {
  return ORDER.indexOf(one.status) - ORDER.indexOf(other.status) || other.probability - one.probability;
}

function summary(findings) {
  const number = (status) => findings.filter((finding) => finding.status === status).length;
  const parts = ORDER.map((status) => `${number(status)} ${status}`);
  return h("p.soft.number", {}, parts.join(" · "));
}

function findingRow(finding, select, selected, buttons) {
  const { label, name, status } = finding;
  const place = finding.place ? [" ", h("span.finding-place", {}, placeWords(finding.place))] : [];
  const words = [mark(status), h("span.finding-name", {}, name, ...place)];
  const value = `probability ${probability(finding.probability)}, threshold ${probability(finding.threshold)}`;
  let title;
  if (finding.links.heatmap !== null || finding.box !== null) {
    const onclick = () => select(selected() === label ? null : label);
    title = h("button.finding-title", { type: "button", "aria-pressed": "false", title: "Show on the radiograph", onclick }, ...words);
    buttons.set(label, title);
  } else {
    title = h("span.finding-title", {}, ...words);
  }
  return h(
    `li.finding.${status}`,
    { "data-label": label },
    title,
    bar(finding),
    h("span.number", { title: value }, probability(finding.probability)),
    h("span.finding-word", {}, WORDS[status], h("span.visually-hidden", {}, `, ${value}, uncertain from ${probability(finding.uncertain_from)}`)),
  );
}

/** The bar is for eyes; what it shows is said in words in the same row. */
function bar({ probability: value, threshold, uncertain_from: from }) {
  const percent = (share) => `${(share * 100).toFixed(1)}%`;
  return h(
    "span.bar",
    { "aria-hidden": "true" },
    h("span.bar-fill", { style: { width: percent(value) } }),
    h("span.bar-band", { style: { left: percent(from), width: percent(threshold - from) } }),
    h("span.bar-threshold", { style: { left: percent(threshold) } }),
  );
}

function legend() {
  return h(
    "p.legend.soft",
    { "aria-hidden": "true" },
    h("span.key-threshold", {}),
    "threshold ",
    h("span.key-band", {}),
    "uncertain band ",
  );
}

function modelLine({ id, version, digest }) {
  return h("p.soft.small", {}, `Classifier ${id} ${version}, `, h("span.digest", { title: digest }, digest.slice(0, 19)));
}
