/** A reader's draft of a report on the server: saved a moment after each change, by one tab at a time. */

import { Problem, asking, call, pause } from "../api.js";
import { authorOf } from "./person.js";

/** Milliseconds of rest after which a change is saved. */
const REST = 600;
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 15000;

/**
 * How the draft stands.
 *
 * @typedef {{kind: "saved", at: string} | {kind: "saving"} | {kind: "unsaved", why: string}
 *   | {kind: "elsewhere"}} Saving `elsewhere`: another tab of the same reader has saved it since
 */

/**
 * Keeps a draft on the server.
 *
 * @param {string} path of the report
 * @param {{person: ?string, signal: AbortSignal, onState: (state: Saving) => void,
 *   onSaved: (answer: object) => void}} options
 */
export function savedDraft(path, { person, signal, onState, onSaved }) {
  const url = `${path}/draft`;
  const asked = asking(url, { author: person });
  let etag = null;
  /** @type {?object} what is to be saved next */
  let waiting = null;
  let timer = 0;
  /** @type {?Promise<void>} */
  let running = null;
  let patience = new AbortController();

  /** Reads the draft that there is, and goes on from it; null where there is none. */
  async function load() {
    const response = await find();
    etag = response?.headers.get("ETag") ?? null;
    return response === null ? null : response.json();
  }

  /** Reads it to see who else reads: another tab of ours that saved it is still told of when we save. */
  async function peek() {
    const response = await find();
    return response === null ? null : response.json();
  }

  async function find() {
    try {
      return await call(asked, { signal, cache: "no-store" });
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return null;
      throw error;
    }
  }

  /** Saves it a moment later; whatever waited to be saved before is forgotten. */
  function save(body) {
    waiting = body;
    onState({ kind: "saving" });
    clearTimeout(timer);
    timer = setTimeout(flush, REST);
  }

  /** Saves at once what waits, and ends when it is saved or cannot be. */
  async function flush() {
    clearTimeout(timer);
    running ??= saveAll().finally(() => (running = null));
    await running;
  }

  async function saveAll() {
    let failures = 0;
    while (waiting !== null) {
      const body = waiting;
      waiting = null;
      try {
        const answer = await put(body);
        onState({ kind: "saved", at: answer.saved_at });
        onSaved(answer);
        failures = 0;
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (error.status === 412) return onState({ kind: "elsewhere" });
        onState({ kind: "unsaved", why: error.message });
        if (!error.passing && !(error.status >= 500)) return;
        waiting ??= body;
        failures += 1;
        // Whoever left the page cannot wait for a better moment.
        if (signal.aborted) return;
        await pause(Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures), AbortSignal.any([signal, patience.signal]));
      }
    }
  }

  async function put(body) {
    const headers = { "Content-Type": "application/json", ...(etag === null ? {} : { "If-Match": etag }) };
    // No signal: what was typed last is saved though the reader has gone on to the next study.
    const response = await call(url, { method: "PUT", headers, keepalive: true, body: JSON.stringify({ ...authorOf(person), ...body }) });
    etag = response.headers.get("ETag");
    return response.json();
  }

  async function remove() {
    await settle();
    await call(asked, { method: "DELETE", signal });
  }

  /** Forgets what waits to be saved, and ends when nothing is under way any more. */
  async function settle() {
    waiting = null;
    clearTimeout(timer);
    patience.abort();
    patience = new AbortController();
    await running;
  }

  return { load, peek, save, flush, remove, settle, unsaved: () => waiting !== null || running !== null };
}
