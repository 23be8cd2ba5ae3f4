/** Saves what the server makes: fetched with the key, then handed to the browser as a file. */

import { blob } from "./api.js";

/** Milliseconds until the memory is given back; by then the browser has its copy. */
const KEPT = 60000;

/**
 * Fetches and saves.
 *
 * @param {string} path
 * @param {string} name of the file
 * @param {string} [accept] the media type that is asked for
 */
export async function saveFrom(path, name, accept) {
  const content = await blob(path, accept ? { headers: { Accept: accept } } : {});
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT);
}
