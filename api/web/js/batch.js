/** The view of a batch: how many of its studies have which status, and the studies. */

import { json, post } from "./api.js";
import { confirmed } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { saveFrom } from "./download.js";
import { isFinal } from "./format.js";
import { formatPicker } from "./formats.js";
import { mark } from "./marks.js";
import { studyList } from "./studies.js";
import { words } from "./words.js";

/**
 * @param {import("./app.js").Page} page
 * @param {string} id
 */
export async function batchView({ root, signal, info, onError, setTitle }, id) {
  setTitle(words.batch.title);
  const path = `/v1/batches/${id}`;
  const head = h("section.batch-head", {});
  const refresh = async () => drawHead(head, await json(path, { signal }), { info, refresh, onError });
  await refresh();
  const list = studyList({ signal, onError, batchId: id, onRefresh: refresh });
  fill(root, h("div.home", {}, head, list.element));
  await list.start();
}

function drawHead(head, batch, { info, refresh, onError }) {
  const text = words.batch;
  const counts = Object.entries(batch.counts).filter(([, number]) => number > 0);
  const finished = counts.reduce((sum, [status, number]) => (isFinal(status) ? sum + number : sum), 0);
  const busy = head.contains(document.activeElement);
  const state = batch.status === "cancelled" ? text.cancelled : batch.done ? text.done : text.underWay;
  const line = h("p", {}, `${text.finished(words.of(finished, batch.total))} · ${state}`);
  const list = h(
    "ul.counts",
    { "aria-label": text.counts },
    ...counts.map(([status, number]) =>
      h("li", {}, mark(status), `${words.statuses[status]} `, h("strong.number", {}, number)),
    ),
  );
  if (busy) {
    // The buttons stay: one of them has the focus.
    head.querySelector("p").replaceWith(line);
    head.querySelector(".counts").replaceWith(list);
    return;
  }
  const save = (format) => saveFrom(`${batch.links.results}?format=${format}`, `batch-${batch.id}.${format}`).catch(onError);
  const saveReports = ({ name }) => saveFrom(`${batch.links.reports}?format=${name}`, `batch-${batch.id}-${name}.zip`).catch(onError);
  fill(
    head,
    h("h1", {}, text.named(batch.name ?? batch.id)),
    line,
    list,
    h(
      "div.actions",
      {},
      h("button", { type: "button", onclick: () => save("csv") }, text.csv),
      h("button", { type: "button", onclick: () => save("ndjson") }, text.ndjson),
      formatPicker(info.report_formats, text.reports, saveReports),
      batch.done ? null : h("button.danger", { type: "button", onclick: () => cancel(batch, refresh).catch(onError) }, text.cancel),
    ),
  );
}

async function cancel(batch, refresh) {
  const { cancelQuestion, cancelMeans, cancel: yes } = words.batch;
  if (!(await confirmed({ title: cancelQuestion, text: cancelMeans, yes }))) return;
  await post(batch.links.cancel);
  await refresh();
}
