/** The studies whose images look most like this one's: found when the reader opens the section, not before. */

import { Problem, asking, blob, json } from "./api.js";
import { fill, h } from "./dom.js";
import { calendarDay, moment, probability } from "./format.js";
import { byServer } from "./notices.js";
import { words } from "./words.js";

const TEXT = words.similar;
const MOST = 6;

/**
 * Makes the section, closed.
 *
 * @param {{signal: AbortSignal, onError: (error: unknown) => void}} options
 * @returns {{element: HTMLElement, show: (study: object) => void}} `show` once the study is classified
 */
export function similarPanel({ signal, onError }) {
  const list = h("ul.similar-studies", {});
  const opened = h("details", { ontoggle: () => opened.open && load().catch(onError) }, h("summary", {}, TEXT.title), list);
  const element = h("section.panel.similar.screen-only", { id: "similar", hidden: true }, opened);
  let study = null;
  let asked = false;

  async function load() {
    if (asked) return;
    asked = true;
    fill(list, h("li.soft", {}, TEXT.looking));
    try {
      const { items } = await json(asking(`${study.links.self}/similar`, { limit: MOST }), { signal });
      fill(list, ...(items.length === 0 ? [h("li.soft", {}, TEXT.none)] : items.map((item) => similarRow(item, signal, onError))));
    } catch (error) {
      asked = false;
      if (!(error instanceof Problem) || error.status !== 409) throw error;
      fill(list, h("li.soft", {}, byServer(error.message)));
    }
  }

  function show(next) {
    study = next;
    element.hidden = false;
  }

  return { element, show };
}

function similarRow(item, signal, onError) {
  const picture = h("img.similar-picture", { alt: "", width: 96, height: 96 });
  drawPreview(picture, item.links.preview, signal).catch(onError);
  const named = item.findings.map(({ name, probability: value }) => `${name} ${probability(value)}`).join(", ");
  const day = calendarDay(item.study_date) || moment(item.created_at);
  return h(
    "li",
    {},
    picture,
    h(
      "div",
      {},
      h("a", { href: item.links.page.replace(/^\//, "") }, day),
      h("span.soft", {}, ` · ${TEXT.distance(probability(item.distance))}`),
      h("p", { lang: item.language }, named || null),
      named ? null : h("p.soft", {}, TEXT.noFindings),
      item.impression === null ? h("p.soft.small", {}, TEXT.unsigned) : h("p", {}, h("span.soft", {}, `${TEXT.signed} `), h("span", { lang: item.language }, item.impression)),
    ),
  );
}

/** An address cannot carry the API key: the picture is fetched with it. */
async function drawPreview(picture, path, signal) {
  const url = URL.createObjectURL(await blob(path, { signal }));
  picture.onload = () => URL.revokeObjectURL(url);
  picture.src = url;
}
