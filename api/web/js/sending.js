/** Sends files: together as one study, or each as a study of its own in a batch. */

import { Problem, freshKey, post, upload } from "./api.js";

const AT_ONCE = 2;
const TRIES = 3;
const PAUSE = 1000;

/**
 * Sends all files as one study.
 *
 * @param {File[]} files
 * @param {Object<string, string>} fields priority, language and the like
 * @param {{signal: AbortSignal, onProgress: (sent: number, total: number, note?: string) => void}} options
 * @returns {Promise<string>} the address of the study's view
 */
export async function sendTogether(files, fields, { signal, onProgress }) {
  const study = await insist(formOf(files, fields), { signal, onProgress });
  return study.links.page.replace(/^\//, "");
}

/**
 * Sends each file as a study of its own. A batch accounts for every one: a file that is refused
 * becomes a rejected study there instead of stopping the others.
 *
 * @returns {Promise<string>} the address of the batch's view
 */
export async function sendEach(files, fields, { signal, onProgress }) {
  const batch = await post("/v1/batches", { name: `${files.length} files` });
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const sent = new Array(files.length).fill(0);
  let done = 0;
  const queue = files.map((file, index) => ({ file, index }));
  const tell = () => onProgress(sum(sent), total, `${done} of ${files.length} files`);
  const work = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      const { file, index } = item;
      const form = formOf([file], { ...fields, batch_id: batch.id });
      await insist(form, {
        signal,
        onProgress: (bytes) => {
          sent[index] = Math.min(bytes, file.size);
          tell();
        },
      });
      sent[index] = file.size;
      done += 1;
      tell();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return `#/batches/${batch.id}`;
}

/** Sends with one Idempotency-Key until an answer comes: a lost answer makes no second study. */
async function insist(form, { signal, onProgress }) {
  const idempotencyKey = freshKey();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await upload(form, { idempotencyKey, onProgress, signal });
    } catch (error) {
      const passing = error instanceof Problem && (error.status === 0 || error.status === 503);
      if (!passing || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE * attempt));
    }
  }
}

function formOf(files, fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const file of files) form.append("files", file, file.name);
  return form;
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
