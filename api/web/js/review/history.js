/** What can be undone: the states of a value, one behind the other. */

/**
 * Keeps the states of a value.
 *
 * @template T
 * @param {T} first
 * @returns {{now: () => T, change: (next: T, kind?: string) => void, touch: (next: T) => void,
 *   undo: () => boolean, undoable: () => boolean}}
 *   changes of one `kind` in a row, such as the letters of a word, are undone together; `touch` adds nothing to undo
 */
export function history(first) {
  let now = first;
  let last = "";
  const before = [];
  return {
    now: () => now,
    change(next, kind = "") {
      if (kind === "" || kind !== last) before.push(now);
      last = kind;
      now = next;
    },
    touch(next) {
      now = next;
    },
    undoable: () => before.length > 0,
    undo() {
      last = "";
      if (before.length === 0) return false;
      now = before.pop();
      return true;
    },
  };
}
