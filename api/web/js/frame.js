/** What stands around every view: the way to the content, the warning, the brand, the navigation and its tools. */

import { h } from "./dom.js";
import { words } from "./words.js";

/**
 * Makes the frame.
 *
 * @param {{onKey: () => void, onHelp: () => void, onNext: () => void, onSkip: () => void}} actions
 * @returns {{elements: HTMLElement[], showKey: (wanted: boolean) => void}} `showKey` tells whether the server asks for keys
 */
export function pageFrame({ onKey, onHelp, onNext, onSkip }) {
  const skip = (event) => {
    // The address is a hash, so the link must not become one.
    event.preventDefault();
    onSkip();
  };
  const text = words.page;
  const key = h("button", { type: "button", id: "key-button", hidden: true, onclick: onKey }, text.key);
  const help = h("button", { type: "button", id: "help-button", "aria-keyshortcuts": "?", onclick: onHelp }, `${text.shortcuts} `, h("kbd", {}, "?"));
  const next = h("button", { type: "button", id: "next-button", "aria-keyshortcuts": "u", onclick: onNext }, `${text.next} `, h("kbd", {}, "u"));
  const elements = [
    h("a.skip", { href: "#main", onclick: skip }, text.skip),
    h(
      "aside.device-warning",
      { "aria-label": text.deviceWarning },
      h("strong", {}, text.notADevice),
      " ",
      h("span", {}, text.notForDiagnosis),
      " ",
      h("span.wide", {}, text.research),
    ),
    h(
      "header.top",
      {},
      h("a.brand", { href: "#/" }, "CXR Reporter"),
      h("nav", { "aria-label": text.navigation }, h("a", { href: "#/", id: "nav-studies" }, text.studies), h("a", { href: "#/reviews" }, words.review.statistics.short), h("a", { href: "/docs" }, "API")),
      h("div.top-tools", {}, next, key, help),
    ),
  ];
  const showKey = (wanted) => {
    key.hidden = !wanted;
  };
  return { elements, showKey };
}
