/** What was sent of a study, and where to: each delivery with its attempts. There where there is any. */

import { json } from "./api.js";
import { fill, h } from "./dom.js";
import { duration, moment } from "./format.js";
import { byServer } from "./notices.js";
import { words } from "./words.js";

const TEXT = words.deliveries;
const LOOK_AGAIN = 3000;
const UNFINISHED = new Set(["waiting", "sending"]);

/**
 * Makes the section, closed.
 *
 * @param {{signal: AbortSignal, onError: (error: unknown) => void}} options
 * @returns {{element: HTMLElement, show: (study: object) => Promise<void>}} `show` whenever something happened to the study
 */
export function deliveriesPanel({ signal, onError }) {
  const list = h("ul.deliveries", {});
  const title = h("summary", {}, TEXT.title);
  const opened = h("details", { ontoggle: () => opened.open && look().catch(onError) }, title, list);
  const element = h("section.panel.screen-only", { id: "deliveries", hidden: true }, opened);
  let path = null;
  let waiting = 0;

  async function look() {
    const { items } = await json(path, { signal });
    element.hidden = items.length === 0;
    fill(title, `${TEXT.title} (${TEXT.counts(items.filter(({ state }) => state === "delivered").length, items.length)})`);
    fill(list, ...items.map(row));
    clearTimeout(waiting);
    // What becomes of a delivery is no event of its study: whoever looks on is shown it all the same.
    if (opened.open && !signal.aborted && items.some(({ state }) => UNFINISHED.has(state))) {
      waiting = setTimeout(() => look().catch(onError), LOOK_AGAIN);
    }
  }

  async function show(study) {
    path = `${study.links.self}/deliveries`;
    await look();
  }

  return { element, show };
}

function row(item) {
  const version = item.version === null ? null : ` · ${TEXT.version(item.version)}`;
  return h(
    "li",
    {},
    h("p", {}, h("strong", {}, item.destination), h("span.soft", {}, ` · ${words.events[item.event] ?? item.event}`), ` · ${TEXT.states[item.state]}`, version),
    item.error === null ? null : h("p.soft", {}, byServer(item.error)),
    item.attempts.length === 0 ? null : h("ol.attempts", {}, ...item.attempts.map(attempt)),
  );
}

function attempt({ began_at: began, ended_at: ended, outcome, answer }) {
  return h(
    "li",
    {},
    h("time.number", { datetime: began }, moment(began)),
    ` · ${TEXT.outcomes[outcome ?? "unknown"]}`,
    ended === null ? null : h("span.soft.number", {}, ` · ${duration(began, ended)}`),
    answer ? h("span.soft", {}, " · ", byServer(answer)) : null,
  );
}
