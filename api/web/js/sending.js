/** Sends files: together as one study, or in groups as the studies of a batch. */

import { Problem, freshKey, pause, post, upload } from "./api.js";
import { count } from "./format.js";
import { words } from "./words.js";

const AT_ONCE = 2;
/** Milliseconds for which a server is called again. An upload that it died over keeps its key for 30 s. */
const PATIENCE = 60000;
const PAUSE = 1000;
const LONGEST_PAUSE = 5000;

const REUSED = "/problems/idempotency-key-reused";
const TEXT = words.upload;
const IN_ALREADY = { title: TEXT.inAlready, detail: TEXT.inAlreadyDetail, advice: TEXT.inAlreadyAdvice };

/**
 * How far it is, and what holds it up.
 *
 * @typedef {object} Sending
 * @property {AbortSignal} signal
 * @property {(sent: number, total: number, note?: string) => void} onProgress
 * @property {(words: string) => void} onTrouble before it is tried again
 */

/**
 * Files on their way. What is sent again after a failure has the same keys.
 *
 * @typedef {object} Delivery
 * @property {(fields: Object<string, string>, sending: Sending) => Promise<string>} send gives the address of the
 *   view of what was sent; fields are priority, language and the like
 * @property {() => number} taken how many files are in, before the end
 */

/**
 * Makes the delivery of files as one study.
 *
 * @param {File[]} files
 * @returns {Delivery}
 */
export function oneStudy(files) {
  const idempotencyKey = freshKey();

  async function send(fields, { signal, onProgress, onTrouble }) {
    const options = { idempotencyKey, onProgress, signal };
    let study;
    try {
      study = await insist(() => upload(formOf(files, fields), options), { signal, onTrouble });
    } catch (error) {
      throw error.type === REUSED ? new Problem(IN_ALREADY, error.status) : error;
    }
    return study.links.page.replace(/^\//, "");
  }

  return { send, taken: () => 0 };
}

/**
 * Makes the delivery of several studies, in a batch that accounts for every one: what is refused becomes a rejected
 * study there instead of stopping the others.
 *
 * It knows its batch, the key of each request and what is in: sending again after a failure goes on where that one
 * stopped, and no file becomes two studies.
 *
 * @param {File[][]} studies the files of each
 * @returns {Delivery}
 */
export function severalStudies(studies) {
  const items = studies.map((files) => ({ files, size: sizeOf(files), key: freshKey(), bytes: 0, taken: false }));
  const total = sizeOf(studies.flat());
  let batch = null;

  const taken = () => items.reduce((sum, item) => sum + (item.taken ? item.files.length : 0), 0);

  async function send(fields, sending) {
    const failed = new AbortController();
    const signal = AbortSignal.any([sending.signal, failed.signal]);
    const open = () => post("/v1/batches", { name: count(studies.flat().length, words.counted.file) }, { signal });
    batch ??= await insist(open, { ...sending, signal });
    const queue = items.filter((item) => !item.taken);
    const work = async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
        await sendItem(item, { ...fields, batch_id: batch.id }, { ...sending, signal });
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    } finally {
      failed.abort();
    }
    return `#/batches/${batch.id}`;
  }

  async function sendItem(item, fields, { signal, onProgress, onTrouble }) {
    const tell = (bytes) => {
      item.bytes = Math.min(bytes, item.size);
      const sent = items.reduce((sum, { bytes: each }) => sum + each, 0);
      onProgress(sent, total, words.of(taken(), count(studies.flat().length, words.counted.file)));
    };
    const options = { idempotencyKey: item.key, onProgress: tell, signal };
    try {
      await insist(() => upload(formOf(item.files, fields), options), { signal, onTrouble });
    } catch (error) {
      // Taken with the fields as they were before: it is in.
      if (error.type !== REUSED) throw error;
    }
    item.taken = true;
    tell(item.size);
  }

  return { send, taken };
}

/** Calls until an answer comes that is one. */
async function insist(request, { signal, onTrouble }) {
  let firstFailure = null;
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await request();
    } catch (error) {
      firstFailure ??= Date.now();
      const patient = Date.now() - firstFailure < PATIENCE;
      if (!(error instanceof Problem && error.passing && patient)) throw error;
      onTrouble(error.status === 0 ? TEXT.unreachable : TEXT.busy);
      await pause(Math.min(LONGEST_PAUSE, PAUSE * attempt), signal);
    }
  }
}

function sizeOf(files) {
  return files.reduce((sum, { size }) => sum + size, 0);
}

function formOf(files, fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const file of files) form.append("files", file, file.name);
  return form;
}
