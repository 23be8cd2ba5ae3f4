/** The findings as bars: probability, threshold, uncertain band, and what that means in a word. */

import { fill, h } from "./dom.js";
import { count, placeWords, probability } from "./format.js";
import { mark } from "./marks.js";
import { words } from "./words.js";

const TEXT = words.findings;

const ORDER = ["present", "uncertain", "absent"];

/**
 * Makes the panel.
 *
 * @param {{onSelect: (label: ?string) => void}} options the label whose heatmap is wanted, or null
 * @returns {{element: HTMLElement, show: (findings: object, language: string) => void, wait: (text: string) => void,
 *   step: (by: number) => void, choose: (labels: string[]) => void, selected: () => ?string,
 *   byLabel: () => Map<string, object>}}
 */
export function findingsPanel({ onSelect }) {
  const body = h("div", {});
  const element = h("section.panel", { id: "findings", tabindex: -1, "aria-labelledby": "findings-title" }, h("h2", { id: "findings-title" }, TEXT.title), body);
  let selected = null;
  /** @type {Map<string, HTMLElement>} the buttons of findings that have a place on the picture */
  const buttons = new Map();
  let byLabel = new Map();

  function select(label) {
    selected = label;
    for (const [name, button] of buttons) button.setAttribute("aria-pressed", String(name === label));
    onSelect(label);
  }

  function show({ findings, model }, language) {
    buttons.clear();
    byLabel = new Map(findings.map((finding) => [finding.label, finding]));
    const sorted = [...findings].sort(byWeight);
    const rows = sorted.map((finding) => findingRow(finding, language, select, () => selected, buttons));
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

  /**
   * Selects the first of these, or the one after the selected one, so that choosing again goes through all of them;
   * where none has a place on the picture, none is shown there.
   */
  function choose(labels) {
    const placed = labels.filter((label) => buttons.has(label));
    select(placed[(placed.indexOf(selected) + 1) % placed.length] ?? null);
  }

  const wait = (text) => fill(body, h("p.soft", {}, text));
  return { element, show, wait, step, choose, selected: () => selected, byLabel: () => byLabel };
}

function byWeight(one, other) {
  return ORDER.indexOf(one.status) - ORDER.indexOf(other.status) || other.probability - one.probability;
}

function summary(findings) {
  const number = (status) => findings.filter((finding) => finding.status === status).length;
  const parts = ORDER.map((status) => count(number(status), TEXT.counted[status]));
  return h("p.soft.number", {}, parts.join(" · "));
}

function findingRow(finding, language, select, selected, buttons) {
  const { label, name, status } = finding;
  const place = finding.place ? [" ", h("span.finding-place", {}, placeWords(finding.place))] : [];
  const named = [mark(status), h("span.finding-name", {}, h("span", { lang: language }, name), ...place)];
  const value = TEXT.value(probability(finding.probability), probability(finding.threshold));
  let title;
  if (finding.links.heatmap !== null || finding.box !== null) {
    const onclick = () => select(selected() === label ? null : label);
    title = h("button.finding-title", { type: "button", "aria-pressed": "false", title: TEXT.show, onclick }, ...named);
    buttons.set(label, title);
  } else {
    title = h("span.finding-title", {}, ...named);
  }
  return h(
    `li.finding.${status}`,
    { "data-label": label },
    title,
    bar(finding),
    h("span.number", { title: value }, probability(finding.probability)),
    h("span.finding-word", {}, TEXT[status], h("span.visually-hidden", {}, `, ${value}${TEXT.uncertainFrom(probability(finding.uncertain_from))}`)),
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
    `${TEXT.threshold} `,
    h("span.key-band", {}),
    `${TEXT.band} `,
  );
}

function modelLine({ id, version, digest }) {
  return h("p.soft.small", {}, `${TEXT.classifier(id, version)}, `, h("span.digest", { title: digest }, digest.slice(0, 19)));
}
