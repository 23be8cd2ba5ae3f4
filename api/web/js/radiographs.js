/** A study's images in the viewer: which one is shown, what the chosen finding or sentence adds, what was wrong with each. */

import { saveFrom } from "./download.js";
import { fill, h } from "./dom.js";
import { isFinal, viewName } from "./format.js";
import { mark } from "./marks.js";
import { byServer, faultBox } from "./notices.js";
import { pictures } from "./overlay.js";
import { viewer } from "./viewer.js";
import { words } from "./words.js";

const TEXT = words.radiograph;

/**
 * Makes the viewer with its row of images.
 *
 * @param {{signal: AbortSignal, onError: (error: unknown) => void, onStepFinding: (by: number) => void}} options
 * @returns {{element: HTMLElement, onPaper: HTMLElement, show: (study: object) => void, find: (findings: object) => void,
 *   select: (label: ?string) => void, point: (regions: {image: number, box: number[]}[]) => void,
 *   listen: (element: HTMLElement) => void}} `point` shows where a report's writer saw what it says, until a finding is
 *   selected; `listen` lets the viewer's keys that no list of text has work while the focus is there
 */
export function radiographs({ signal, onError, onStepFinding }) {
  const store = pictures(signal);
  const view = viewer({ signal, onStepImage: (by) => turn(by), onStepFinding });
  const tabs = h("div.image-tabs", { role: "group", "aria-label": TEXT.images });
  const remarks = h("div.remarks", {});
  const element = h("div.radiographs", {}, tabs, view.element, remarks);
  let study = null;
  let found = null;
  let label = null;
  let regions = [];
  let current = 0;
  let drawn = "";
  let remarked = "";

  function show(next) {
    study = next;
    drawTabs();
    drawRemarks();
    loadImage().catch(onError);
  }

  function turnTo(index) {
    current = index;
    drawTabs();
    drawRemarks();
    loadImage().catch(onError);
    markFinding().catch(onError);
  }

  function turn(by) {
    if (study !== null && study.images.length > 1) turnTo((current + by + study.images.length) % study.images.length);
  }

  /** Fetches the preview, once there may be one; the image stays as it is while nothing new is known. */
  async function loadImage() {
    const image = study.images[current];
    const version = `${image?.index} ${study.status}`;
    if (image === undefined || drawn.startsWith(`${image.index} shown`) || drawn === version) {
      if (image === undefined) view.show(null, { caption: "", resolution: "", orientation: null }, study.status === "open" ? TEXT.noneYet : TEXT.none);
      return;
    }
    drawn = version;
    const gray = hasPreview(image) ? await store.gray(image.links.preview) : null;
    if (signal.aborted || drawn !== version) return;
    if (gray !== null) drawn = `${image.index} shown`;
    view.show(gray, { caption: captionOf(image), resolution: resolutionOf(image, gray), orientation: image.orientation }, gray === null ? waitingWords() : "");
  }

  function waitingWords() {
    return isFinal(study.status) ? TEXT.noPreview : TEXT.pending;
  }

  function select(wanted) {
    label = wanted;
    regions = [];
    const finding = found?.findings.find((entry) => entry.label === label);
    if (finding && finding.image !== null && entryOf(label, current)?.links.heatmap == null && finding.image !== current) {
      turnTo(finding.image);
      return;
    }
    markFinding().catch(onError);
  }

  function point(told) {
    regions = told;
    if (regions.length > 0 && regions.every(({ image }) => image !== current)) turnTo(regions[0].image);
    else markFinding().catch(onError);
  }

  function entryOf(wanted, index) {
    const image = found?.images.find((entry) => entry.index === index);
    return image?.findings.find((entry) => entry.label === wanted);
  }

  async function markFinding() {
    const [wanted, index] = [label, current];
    const entry = entryOf(wanted, index);
    const path = entry?.links.heatmap ?? null;
    const heat = path === null ? null : await store.heat(path);
    if (wanted !== label || index !== current) return;
    const boxes = regions.filter(({ image }) => image === current).map(({ box }) => box);
    view.mark(entry && (heat || entry.box) ? { name: entry.name, heat, box: entry.box } : null, boxes);
  }

  function drawTabs() {
    tabs.hidden = study.images.length < 2;
    if (tabs.childElementCount !== study.images.length) fill(tabs, ...study.images.map((_, at) => h("button", { type: "button", onclick: () => turnTo(at) })));
    study.images.forEach((image, at) => {
      const button = tabs.children[at];
      button.setAttribute("aria-pressed", String(at === current));
      const name = viewName(image) || image.file;
      const warned = image.warnings.length > 0 ? [mark("warning"), h("span.visually-hidden", {}, ` (${TEXT.warned})`)] : [];
      fill(button, `${at + 1} ${name}${image.status === "rejected" ? ` (${TEXT.notUsed})` : ""}`, ...warned);
    });
  }

  function drawRemarks() {
    const image = study.images[current];
    const version = JSON.stringify([image?.index, image?.error, image?.warnings]);
    if (version === remarked) return;
    remarked = version;
    if (image === undefined) {
      fill(remarks);
      return;
    }
    const original = h("button.quiet", { type: "button", onclick: () => saveFrom(image.links.original, image.file).catch(onError) }, TEXT.original);
    fill(
      remarks,
      image.error === null ? null : faultBox({ title: TEXT.notUsedTitle, detail: byServer(image.error.detail), file: image.file }),
      // Those of a single image stand in the head of the study.
      ...(study.images.length > 1 ? image.warnings.map((warning) => h("p.notice", { lang: study.language }, warning)) : []),
      h("p.image-facts.soft.number", {}, h("span.file-name", {}, image.file), ` · ${sizeOf(image)} `, original),
    );
  }

  return { element, onPaper: view.onPaper, show, find: (findings) => (found = findings), select, point, listen: view.listen };
}

/** A preview is made of what could be decoded, used or not. */
function hasPreview(image) {
  return image.status === "used" || image.error?.type === "unusable-image";
}

function captionOf(image) {
  return [image.file, viewName(image)].filter(Boolean).join(" · ");
}

/** What is on the screen is never the original: it has 256 grays, and often fewer pixels. */
function resolutionOf(image, gray) {
  return gray === null ? "" : TEXT.preview(sizeOf(gray), sizeOf(image));
}

function sizeOf({ width, height }) {
  return `${width} × ${height}`;
}
