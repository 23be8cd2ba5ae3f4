/** What a reader may do to a report now: review it, amend it, add to it, withdraw it. */

import { Problem } from "../api.js";
import { askForText } from "../dialogs.js";
import { fill, h } from "../dom.js";
import { notify, problemBox } from "../notices.js";
import { words } from "../words.js";
import { addAddendum, withdraw } from "./acts.js";
import { whoReads } from "./person.js";

const TEXT = words.review;

/**
 * Makes the buttons; a withdrawn report has none.
 *
 * @param {string} path of the report
 * @param {import("./review.js").Version} version
 * @param {{info: object, onReview: () => void, onDone: () => void, onError: (error: unknown) => void}} options
 * @returns {?HTMLElement}
 */
export function offers(path, { report, etag }, { info, onReview, onDone, onError }) {
  if (report.status === "entered-in-error") return null;
  const signed = report.status !== "preliminary";
  const trouble = h("div", {});

  /** Asks, acts and shows the report as it is then. */
  async function act(question, perform) {
    const { known, name: person } = await whoReads(info);
    const text = known ? await askForText(question) : null;
    if (text === null) return;
    try {
      await perform(person, text);
      notify(question.done);
      onDone();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      fill(trouble, problemBox(error));
    }
  }

  const addendum = () => act(TEXT.addendumQuestion, (person, text) => addAddendum(path, etag, { person, text }));
  const inError = () => act({ ...TEXT.errorQuestion, danger: true }, (person, reason) => withdraw(path, etag, { person, reason }));
  const button = (kind, text, onclick) => h(kind, { type: "button", onclick }, text);
  return h(
    "div.offers",
    {},
    trouble,
    h(
      "div.actions",
      {},
      h(signed ? "button" : "button.primary", { type: "button", "aria-keyshortcuts": "e", onclick: onReview }, signed ? TEXT.amendIt : TEXT.start, " ", h("kbd", {}, "e")),
      signed && button("button", TEXT.addendum, () => addendum().catch(onError)),
      button("button.danger", TEXT.inError, () => inError().catch(onError)),
    ),
  );
}
