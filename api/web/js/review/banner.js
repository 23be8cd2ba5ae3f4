/** What stands above the lines under review: what is reviewed, who reads, whether it is saved, who else reads, what went wrong. */

import { fill, h } from "../dom.js";
import { moment } from "../format.js";
import { announce, faultBox } from "../notices.js";
import { words } from "../words.js";

const TEXT = words.review;

/**
 * Makes it.
 *
 * @param {{person: ?string, onNewReader: () => void, onTakeSaved: () => void, onKeepMine: () => void}} options `person` is null
 *   where the key says who reads; `onNewReader` is called when somebody else is to read, the last two when a draft that another
 *   tab saved is taken or written over
 * @returns {{elements: HTMLElement[], name: (title: string) => void, explain: (box: ?HTMLElement) => void,
 *   saving: (state: import("./draft.js").Saving) => void, others: (found: {name: string, opened_at: string}[]) => void}}
 */
export function reviewBanner({ person, onNewReader, onTakeSaved, onKeepMine }) {
  const title = h("span", {});
  const reader = person === null ? [] : [h("span", {}, person, " ", h("button.quiet", { type: "button", onclick: onNewReader }, TEXT.other))];
  const saved = h("span.saving", {});
  const alsoOpen = h("p.notice", { hidden: true, role: "status" });
  const trouble = h("div", {});

  const name = (text) => (title.textContent = text);
  const explain = (box) => fill(trouble, box);

  function saving(state) {
    saved.textContent = savingWords(state);
    saved.className = `saving saving-${state.kind}`;
    if (state.kind === "unsaved" || state.kind === "elsewhere") announce(saved.textContent);
    if (state.kind === "elsewhere") explain(elsewhere());
  }

  /** Two tabs of one reader: one of them has to go on with what the other one saved. */
  function elsewhere() {
    const button = (text, onclick) => h("button", { type: "button", onclick }, text);
    return faultBox({ title: TEXT.elsewhere, detail: TEXT.elsewhereMeans }, button(TEXT.takeSaved, onTakeSaved), button(TEXT.keepMine, onKeepMine));
  }

  function others(found) {
    alsoOpen.hidden = found.length === 0;
    alsoOpen.textContent = TEXT.others(found.map(({ name: who, opened_at: opened }) => TEXT.since(who, moment(opened))).join(", "));
  }

  return { elements: [h("p.review-head", {}, title, ...reader, saved), alsoOpen, trouble], name, explain, saving, others };
}

function savingWords(state) {
  if (state.kind === "saved") return TEXT.saved(moment(state.at));
  if (state.kind === "saving") return TEXT.saving;
  return TEXT.unsaved(state.kind === "elsewhere" ? TEXT.elsewhere : state.why);
}
