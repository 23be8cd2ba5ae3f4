/**
 * Builds elements. Text goes in as text nodes and never as markup: file names, reports and error
 * texts come from outside.
 */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * Makes an element: `h("button.primary", {type: "button", onclick: send}, "Send")`.
 *
 * @param {string} selector tag name with optional classes
 * @param {Object<string, unknown>} [attributes] `on…` functions become listeners, `style` is an object of
 *   CSS properties (an attribute would break the page's policy), true and false set and leave out
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function h(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag);
  if (classes.length > 0) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    set(element, name, value);
  }
  element.append(...present(children));
  return element;
}

/**
 * Replaces everything inside an element.
 *
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
}

/**
 * Makes an SVG of one path, which is decoration: what it says is said in words beside it.
 *
 * @param {string} name class of the picture
 * @param {Object<string, string>} attributes of the path
 * @returns {SVGElement}
 */
export function picture(name, attributes) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", name);
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  for (const [key, value] of Object.entries(attributes)) path.setAttribute(key, value);
  svg.append(path);
  return svg;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) {
    element.addEventListener(name.slice(2), value);
  } else if (name === "style") {
    for (const [property, setting] of Object.entries(value)) element.style.setProperty(property, setting);
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

function present(children) {
  return children
    .flat()
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (typeof child === "number" ? String(child) : child));
}
