/** Who reads: whose key it is, which the server knows; where keys are off, or the key is nobody's, it is asked once. */

import { askForName } from "../dialogs.js";

const SETTING = "cxr-reader";

/** The name that was given in this browser; null before. */
export const readerName = {
  get: () => localStorage.getItem(SETTING),
  set: (name) => localStorage.setItem(SETTING, name),
  forget: () => localStorage.removeItem(SETTING),
};

/**
 * Finds out who reads.
 *
 * @param {{reviewer: ?string}} info of the server
 * @returns {Promise<{known: boolean, name: ?string}>} `name` is null where the key has it; not `known` where nobody answered
 */
export async function whoReads({ reviewer }) {
  if (reviewer !== null) return { known: true, name: null };
  const kept = readerName.get();
  if (kept !== null) return { known: true, name: kept };
  const name = await askForName();
  if (name !== null) readerName.set(name);
  return { known: name !== null, name };
}

/** The `author` of a body; none where the key says who it is. */
export function authorOf(name) {
  return name === null ? {} : { author: { name } };
}
