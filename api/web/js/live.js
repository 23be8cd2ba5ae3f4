/**
 * Follows a study until it is final: by its event stream, and where streams do not get through
 * (some proxies hold them back) by long polls.
 */

import { Problem, call, json, pause, unreachable } from "./api.js";
import { isFinal } from "./format.js";

const LONG_POLL_SECONDS = 20;
const STREAM_TRIES = 2;
const PAUSE = 1500;
const LONGEST_PAUSE = 15000;
/** Milliseconds without a byte after which a stream counts as dead; the server pings every 15 s. */
const SILENCE = 40000;

/**
 * Calls `onStudy` with each state of the study that it sees, the last one being final.
 *
 * @param {string} path of the study
 * @param {{onStudy: (study: object) => void, onConnection: (ok: boolean) => void, signal: AbortSignal}} options
 * @throws {Problem} when the study is gone or not ours
 */
export async function follow(path, { onStudy, onConnection, signal }) {
  let failures = 0;
  let study = null;
  let etag = null;
  while (!signal.aborted) {
    try {
      if (study !== null && failures < STREAM_TRIES) {
        await readStream(study, signal, (seen) => {
          study = seen;
          onStudy(seen);
        });
        // A stream that ends early, again and again, must not become a storm of requests.
        if (!isFinal(study.status)) await pause(PAUSE, signal);
        etag = null;
      }
      const wait = study !== null && failures >= STREAM_TRIES ? `?wait=${LONG_POLL_SECONDS}` : "";
      const answer = await poll(`${path}${wait}`, etag, signal);
      onConnection(true);
      etag = answer.etag;
      if (answer.study !== null) {
        study = answer.study;
        onStudy(study);
      }
      if (isFinal(study.status)) return;
    } catch (error) {
      if (signal.aborted) return;
      if (!isPassing(error)) throw error;
      failures += 1;
      onConnection(false);
      await pause(Math.min(LONGEST_PAUSE, PAUSE * failures), signal);
    }
  }
}

/** Reads a stream to its end; whenever it tells something new, asks for the study. */
async function readStream(study, signal, onStudy) {
  const silence = new AbortController();
  let timer = 0;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE);
  };
  alive();
  try {
    const either = AbortSignal.any([signal, silence.signal]);
    const headers = { Accept: "text/event-stream" };
    const response = await call(study.links.events, { headers, signal: either });
    let known = study.timeline.length;
    let told = 0;
    for await (const event of events(response.body, alive)) {
      if (event.type !== "status") continue;
      told += 1;
      if (told <= known) continue;
      const seen = await json(study.links.self, { signal: either });
      known = seen.timeline.length;
      onStudy(seen);
    }
  } finally {
    clearTimeout(timer);
  }
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
