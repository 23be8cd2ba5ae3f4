/** The keys of a review: single ones while no text is written, which work wherever the focus is within it. */

/**
 * Makes the listener.
 *
 * @param {import("./review.js").Actions} actions
 * @param {{down: () => void, up: () => void, writing: () => boolean, done: () => void, revert: () => void,
 *   merging: () => boolean}} state
 * @returns {(event: KeyboardEvent) => void}
 */
export function keysOf(actions, { down, up, writing, done, revert, merging }) {
  const single = {
    ArrowDown: down,
    j: down,
    ArrowUp: up,
    k: up,
    a: actions.accept,
    A: actions.acceptAll,
    c: actions.change,
    Enter: actions.change,
    x: actions.strike,
    o: actions.add,
    z: actions.undo,
  };
  const held = { Enter: actions.sign, z: actions.undo };
  const inField = { Enter: done, Escape: revert };

  return (event) => {
    if (merging() || event.altKey || event.isComposing) return;
    const field = event.target.closest("textarea") !== null;
    const control = event.ctrlKey || event.metaKey;
    // In a field Control and z undo letters, as everywhere.
    if (field && control && event.key === "z") return;
    // On a button of the tool bar Enter presses it.
    if (!field && !control && event.key === "Enter" && event.target.closest(".line") === null) return;
    const keys = control ? held : field && writing() ? inField : single;
    const action = keys[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  };
}
