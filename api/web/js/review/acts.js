/** What a reader does to a report for good: sign it, amend it, add to it, withdraw it. Each names the version it is about. */

import { call } from "../api.js";
import { authorOf } from "./person.js";

/**
 * Signs; what was signed before is amended.
 *
 * @param {string} path of the report
 * @param {string} etag of the version that was read
 * @param {{person: ?string, lines?: object[], reason?: string}} given
 * @returns {Promise<object>} the report
 * @throws {Problem} 412 when the report is another by now
 */
export const sign = (path, etag, given) => act(`${path}/sign`, etag, given);

/** Adds a text to a signed report. */
export const addAddendum = (path, etag, given) => act(`${path}/addendum`, etag, given);

/** Withdraws a report: it was entered in error. */
export const withdraw = (path, etag, given) => act(`${path}/error`, etag, given);

async function act(url, etag, { person, ...given }) {
  const headers = { "Content-Type": "application/json", "If-Match": etag };
  const response = await call(url, { method: "POST", headers, body: JSON.stringify({ ...authorOf(person), ...given }) });
  return response.json();
}
