/** What can be done with the chosen line and with the report, each with its key: for whoever does not know the keys yet. */

import { h } from "../dom.js";
import { words } from "../words.js";

const TEXT = words.review;

/**
 * Makes the tool bar.
 *
 * @param {{accept: () => void, change: () => void, strike: () => void, add: () => void, acceptAll: () => void,
 *   undo: () => void, sign: () => void, leave: () => void}} actions
 * @returns {{element: HTMLElement, sync: (state: {open: number, undoable: boolean, signed: boolean, busy: boolean}) => void}}
 *   `signed` tells that the report was signed before: it is amended now
 */
export function reviewToolbar(actions) {
  const { keys } = words.shortcuts;
  const acceptAll = tool(TEXT.acceptAll(0), `${keys.shift} A`, actions.acceptAll);
  const undo = tool(TEXT.undo, "z", actions.undo);
  const sign = tool(TEXT.sign, `${keys.control} ${keys.enter}`, actions.sign, "button.primary");
  const element = h(
    "div.review-tools",
    { role: "group", "aria-label": TEXT.tools },
    tool(TEXT.accept, "a", actions.accept).element,
    tool(TEXT.change, "c", actions.change).element,
    tool(TEXT.strike, "x", actions.strike).element,
    tool(TEXT.add, "o", actions.add).element,
    acceptAll.element,
    undo.element,
    h("span.review-end", {}, h("button", { type: "button", onclick: actions.leave }, TEXT.leave), sign.element),
  );

  function sync({ open, undoable, signed, busy }) {
    acceptAll.say(TEXT.acceptAll(open));
    acceptAll.element.disabled = open === 0;
    undo.element.disabled = !undoable;
    sign.say(signed ? TEXT.amend : TEXT.sign);
    sign.element.disabled = busy;
  }

  return { element, sync };
}

function tool(text, key, onclick, kind = "button") {
  const label = h("span", {}, text);
  const element = h(kind, { type: "button", onclick }, label, " ", h("kbd", {}, key));
  return { element, say: (words) => (label.textContent = words) };
}
