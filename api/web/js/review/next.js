/** The next study that waits to be read and that nobody else has open. */

import { asking, call } from "../api.js";
import { notify } from "../notices.js";
import { words } from "../words.js";
import { readerName } from "./person.js";

/** As many as the server takes. */
const MOST_LEFT = 100;

/** The studies that were left for later in this tab: they come again when all others are read. */
let left = [];

/**
 * Goes to its review, or says that there is none.
 *
 * @param {{reviewer: ?string}} info of the server
 * @param {string} [current] the study that is open now
 */
export async function openNext({ reviewer }, current) {
  if (current) left = [...left.filter((id) => id !== current), current].slice(-MOST_LEFT);
  const found = (await next(reviewer, left)) ?? (await next(reviewer, current ? [current] : []));
  if (found === null) notify(words.review.noneLeft);
  else location.hash = `#/studies/${found.id}/review`;
}

async function next(reviewer, skip) {
  const author = reviewer === null ? readerName.get() : null;
  const response = await call(asking("/v1/reviews/next", { skip, author }), { cache: "no-store" });
  return response.status === 204 ? null : response.json();
}
