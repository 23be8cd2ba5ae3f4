/** Sends files: together as one study, or each as a study of its own in a batch. */

import { Problem, freshKey, pause, post, upload } from "./api.js";

const AT_ONCE = 2;
/** Milliseconds for which a server is called again. An upload that it died over keeps its key for 30 s. */
const PATIENCE = 60000;
const PAUSE = 1000;
const LONGEST_PAUSE = 5000;

const REUSED = "/problems/idempotency-key-reused";
const IN_ALREADY = {
  title: "The study is in already",
  detail: "It was taken with the fields as they were before you changed them.",
  advice: "Open it in the list of studies. To send it as another one, choose the files again.",
};

/**
 * How far it is, and what holds it up.
 *
 * @typedef {object} Sending
 * @property {AbortSignal} signal
 * @property {(sent: number, total: number, note?: string) => void} onProgress
 * @property {(words: string) => void} onTrouble before it is tried again
 */

/**
 * Makes the delivery of a list of files. It knows its batch, the key of each request and what is in: sending again
 * after a failure goes on where that one stopped, and no file becomes two studies.
 *
 * @param {File[]} files
 */
export function delivery(files) {
  const studyKey = freshKey();
  const items = files.map((file) => ({ file, key: freshKey(), bytes: 0, taken: false }));
  const total = items.reduce((sum, { file }) => sum + file.size, 0);
  let batch = null;

  const taken = () => items.filter((item) => item.taken).length;

  /**
   * Sends all files as one study.
   *
   * @param {Object<string, string>} fields priority, language and the like
   * @param {Sending} sending
   * @returns {Promise<string>} the address of the study's view
   */
  async function sendTogether(fields, { signal, onProgress, onTrouble }) {
    const options = { idempotencyKey: studyKey, onProgress, signal };
    let study;
    try {
      study = await insist(() => upload(formOf(files, fields), options), { signal, onTrouble });
    } catch (error) {
      throw error.type === REUSED ? new Problem(IN_ALREADY, error.status) : error;
    }
    return study.links.page.replace(/^\//, "");
  }

  /**
   * Sends each file as a study of its own. A batch accounts for every one: a file that is refused
   * becomes a rejected study there instead of stopping the others.
   *
   * @returns {Promise<string>} the address of the batch's view
   */
  async function sendEach(fields, sending) {
    const failed = new AbortController();
    const signal = AbortSignal.any([sending.signal, failed.signal]);
    const open = () => post("/v1/batches", { name: `${files.length} files` }, { signal });
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
      item.bytes = Math.min(bytes, item.file.size);
      const sent = items.reduce((sum, { bytes: each }) => sum + each, 0);
      onProgress(sent, total, `${taken()} of ${files.length} files`);
    };
    const options = { idempotencyKey: item.key, onProgress: tell, signal };
    try {
      await insist(() => upload(formOf([item.file], fields), options), { signal, onTrouble });
    } catch (error) {
      // Taken with the fields as they were before: it is in.
      if (error.type !== REUSED) throw error;
    }
    item.taken = true;
    tell(item.file.size);
  }

  return { sendTogether, sendEach, taken };
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
      onTrouble(error.status === 0 ? "The server cannot be reached" : "The server is busy");
      await pause(Math.min(LONGEST_PAUSE, PAUSE * attempt), signal);
    }
  }
}

function formOf(files, fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const file of files) form.append("files", file, file.name);
  return form;
}
