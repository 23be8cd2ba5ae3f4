/** The view of a batch: how many of its studies have which status, and the studies. */

import { json, post } from "./api.js";
import { confirmed } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { saveFrom } from "./download.js";
import { STATUS_WORDS, isFinal } from "./format.js";
import { mark } from "./marks.js";
import { studyList } from "./studies.js";

/**
 * @param {import("./app.js").Page} page
 * @param {string} id
 */
export async function batchView({ root, signal, onError, setTitle }, id) {
  setTitle("Batch");
  const path = `/v1/batches/${id}`;
  const head = h("section.batch-head", {});
  const refresh = async () => drawHead(head, await json(path, { signal }), { refresh, onError });
  await refresh();
  const list = studyList({ signal, onError, batchId: id, onRefresh: refresh });
  fill(root, h("div.home", {}, head, list.element));
  await list.start();
}

function drawHead(head, batch, { refresh, onError }) {
  const counts = Object.entries(batch.counts).filter(([, number]) => number > 0);
  const finished = counts.reduce((sum, [status, number]) => (isFinal(status) ? sum + number : sum), 0);
  const busy = head.contains(document.activeElement);
  const state = batch.status === "cancelled" ? "cancelled" : batch.done ? "done" : "under way";
  const line = h("p", {}, `${finished} of ${batch.total} finished · ${state}`);
  const list = h(
    "ul.counts",
    { "aria-label": "Studies by status" },
    ...counts.map(([status, number]) =>
      h("li", {}, mark(status), `${STATUS_WORDS[status]} `, h("strong.number", {}, number)),
    ),
  );
  if (busy) {
    // The buttons stay: one of them has the focus.
    head.querySelector("p").replaceWith(line);
    head.querySelector(".counts").replaceWith(list);
    return;
  }
  const save = (format) => saveFrom(`${batch.links.results}?format=${format}`, `batch-${batch.id}.${format}`).catch(onError);
  fill(
    head,
    h("h1", {}, `Batch: ${batch.name ?? batch.id}`),
    line,
    list,
    h(
      "div.actions",
      {},
      h("button", { type: "button", onclick: () => save("csv") }, "Results as CSV"),
      h("button", { type: "button", onclick: () => save("ndjson") }, "Results as NDJSON"),
      batch.done ? null : h("button.danger", { type: "button", onclick: () => cancel(batch, refresh).catch(onError) }, "Cancel the rest"),
    ),
  );
}

async function cancel(batch, refresh) {
  const question = {
    title: "Cancel the unfinished studies?",
    text: "Finished ones keep their reports; the batch takes no more studies.",
    yes: "Cancel the rest",
  };
  if (!(await confirmed(question))) return;
  await post(batch.links.cancel);
  await refresh();
}
