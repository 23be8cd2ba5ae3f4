/**
 * Follows a study: by its event stream, and where streams do not get through (some proxies hold them back) by long
 * polls. After its end, when people work on its report, it is followed while somebody looks at it: a browser has few
 * connections to a server, and a tab that nobody sees must not hold one.
 */

import { Problem, call, json, pause, unreachable } from "./api.js";
import { isFinal } from "./format.js";

const LONG_POLL_SECONDS = 20;
const STREAM_TRIES = 2;
const PAUSE = 1500;
const LONGEST_PAUSE = 15000;
/** Milliseconds between two looks at a study after its end, where streams do not get through. */
const LOOK = 15000;
/** Milliseconds without a byte after which a stream counts as dead; the server pings every 15 s. */
const SILENCE = 40000;

/**
 * Calls `onStudy` with each state of the study that it sees; ends when the page is left, or no report can come.
 *
 * @param {string} path of the study
 * @param {{onStudy: (study: object) => void, onConnection: (ok: boolean) => void, signal: AbortSignal}} options
 * @throws {Problem} when the study is gone or not ours
 */
export async function follow(path, { onStudy, onConnection, signal }) {
  let failures = 0;
  let study = null;
  let etag = null;
  const told = (next) => {
    study = next;
    onStudy(next);
  };
  while (!signal.aborted) {
    try {
      const ended = study !== null && isFinal(study.status);
      if (study !== null && failures < STREAM_TRIES) {
        await readStream(study, { ended, signal, onStudy: told });
        // A stream that ends early, again and again, must not become a storm of requests.
        if (ended || !isFinal(study.status)) await pause(PAUSE, signal);
        etag = null;
      } else if (ended) {
        await pause(LOOK, signal);
      }
      if (ended) await visible(signal);
      const wait = study !== null && failures >= STREAM_TRIES && !ended ? `?wait=${LONG_POLL_SECONDS}` : "";
      const answer = await poll(`${path}${wait}`, etag, signal);
      onConnection(true);
      etag = answer.etag;
      if (answer.study !== null) told(answer.study);
      if (isFinal(study.status) && study.status !== "completed") return;
    } catch (error) {
      if (signal.aborted) return;
      if (!isPassing(error)) throw error;
      failures += 1;
      onConnection(false);
      await pause(Math.min(LONGEST_PAUSE, PAUSE * failures), signal);
    }
  }
}

/**
 * Reads a stream to its end, or of a study that has ended until nobody looks any more; whenever it tells something new,
 * asks for the study.
 */
async function readStream(study, { ended, signal, onStudy }) {
  const silence = new AbortController();
  const hiding = new AbortController();
  const reading = new AbortController();
  let timer = 0;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE);
  };
  alive();
  document.addEventListener("visibilitychange", () => ended && document.hidden && hiding.abort(), { signal: reading.signal });
  try {
    const any = AbortSignal.any([signal, silence.signal, hiding.signal]);
    const headers = { Accept: "text/event-stream" };
    const response = await call(`${study.links.events}${ended ? "?stay=true" : ""}`, { headers, signal: any });
    let known = study.timeline.length;
    let told = 0;
    for await (const event of events(response.body, alive)) {
      if (event.type !== "status") continue;
      told += 1;
      if (told <= known) continue;
      const seen = await json(study.links.self, { signal: any });
      known = seen.timeline.length;
      onStudy(seen);
    }
  } catch (error) {
    if (!hiding.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    reading.abort();
  }
}

/** Waits until somebody looks at the page, or the signal is aborted. */
function visible(signal) {
  return new Promise((resolve) => {
    if (!document.hidden) return resolve();
    document.addEventListener("visibilitychange", () => document.hidden || resolve(), { signal });
    signal.addEventListener("abort", resolve);
  });
}

/**
 * Cuts a byte stream into Server-Sent Events.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => void} onBytes
 * @returns {AsyncGenerator<{type: string, data: string}>}
 */
async function* events(body, onBytes) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (true) {
    const { value, done } = await reader.read().catch(() => {
      throw unreachable();
    });
    if (done) return;
    onBytes();
    const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) yield eventOf(block);
  }
}

function eventOf(block) {
  const event = { type: "message", data: "" };
  for (const line of block.split("\n")) {
    const [, field, value] = /^(\w*): ?(.*)$/.exec(line) ?? [];
    if (field === "event") event.type = value;
    if (field === "data") event.data += value;
  }
  return event;
}

async function poll(path, etag, signal) {
  const headers = etag === null ? {} : { "If-None-Match": etag };
  const response = await call(path, { headers, signal, cache: "no-store" });
  const study = response.status === 304 ? null : await response.json();
  return { study, etag: response.headers.get("ETag") };
}

/** Whether waiting may help: no connection, a server in trouble, or a stream that went silent. */
function isPassing(error) {
  if (error instanceof Problem) return error.passing || error.status >= 500;
  return error.name === "AbortError";
}
