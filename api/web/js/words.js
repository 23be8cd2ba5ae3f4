/** The page's words, in the first of the browser's languages that the page has; in English where it has none. */

import en from "./words/en.js";
import es from "./words/es.js";

const LANGUAGES = { en, es };
const languageOf = (tag) => tag.split("-")[0].toLowerCase();

/** "es-MX": how dates, numbers and plurals are written. */
export const locale = navigator.languages.find((tag) => Object.hasOwn(LANGUAGES, languageOf(tag))) ?? "en";

/** "es" */
export const language = languageOf(locale);

export const words = LANGUAGES[language];

/** What a report in a language has around its own words. */
export const writtenIn = (reportLanguage) => (LANGUAGES[reportLanguage] ?? en).written;
