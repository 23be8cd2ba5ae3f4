/** How times, sizes, numbers and names are written. */

import { locale, words } from "./words.js";

const CLOCK = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
/** Whose zone is not said would be a guess on paper. */
const FULL = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "long", hourCycle: "h23" });
const CALENDAR_DAY = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: "UTC" });
const PLURAL = new Intl.PluralRules(locale);
const WHOLE = new Intl.NumberFormat(locale);
const UP_TO_TENTHS = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const TENTHS = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const HUNDREDTHS = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const PERCENT = new Intl.NumberFormat(locale, { style: "percent" });
const UNITS = ["bytes", "kB", "MB", "GB"];

const FINAL = new Set(["completed", "rejected", "failed", "cancelled"]);

/** Whether no worker will touch a study with this status any more. */
export function isFinal(status) {
  return FINAL.has(status);
}

/** "14:03:22", with the day before it unless that is today. */
export function moment(text) {
  const date = new Date(text);
  const clock = CLOCK.format(date);
  return date.toDateString() === new Date().toDateString() ? clock : `${DAY.format(date)}, ${clock}`;
}

/** "27 November 2026 at 14:03:22 CET", for paper. */
export function fullMoment(text) {
  return FULL.format(new Date(text));
}

/** "3 Mar 2024" of "2024-03-03", which has no zone; "" of null. */
export function calendarDay(text) {
  return text ? CALENDAR_DAY.format(new Date(`${text}T00:00:00Z`)) : "";
}

/** "Doe, Jane, Dr. (山田 太郎)" of DICOM's "Doe^Jane^^Dr.=山田^太郎", as reports have it; "" of null. */
export function personName(name) {
  const groups = (name ?? "").split("=").slice(0, 3).map((group) => group.split("^").slice(0, 5).map((part) => part.trim()));
  const [first = [], second = []] = groups.filter((group) => group.some(Boolean));
  const spaced = (parts) => parts.filter(Boolean).join(" ");
  const written = [first[0], spaced(first.slice(1, 3)), spaced(first.slice(3))].filter(Boolean).join(", ");
  return second.length ? `${written} (${spaced(second)})` : written;
}

/** "Female" of "F"; "" of null. */
export function sexWord(sex) {
  return words.sexes[sex] ?? "";
}

/** "47 years", and of small children "14 months" or "9 days"; "" of null. */
export function age(years) {
  if (years === null) return "";
  if (years >= 2) return count(Math.floor(years), words.counted.year);
  const months = Math.floor(years * 12);
  return months >= 1 ? count(months, words.counted.month) : count(Math.floor(years * 365.25), words.counted.day);
}

/** "1.4 s", "2 min 5 s" or "26 h 3 min" between two moments. */
export function duration(from, to) {
  const seconds = Math.max(0, (new Date(to) - new Date(from)) / 1000);
  if (seconds < 59.95) return `${TENTHS.format(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** "3.2 MB". */
export function size(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${UP_TO_TENTHS.format(value)} ${UNITS[power]}`;
}

/** "0.81": a probability, to two places. */
export function probability(value) {
  return HUNDREDTHS.format(value);
}

/** "right as displayed, lower zone": where in the chest a finding is, as far as that may be said. */
export function placeWords({ side, zone, as_displayed: asDisplayed }) {
  const { sides, asDisplayed: displayed, zones } = words.places;
  const said = side && (side !== "both" && asDisplayed ? displayed(sides[side]) : sides[side]);
  return [said, zone && zones[zone]].filter(Boolean).join(", ");
}

/** "a.dcm" or "a.dcm and 2 more": a study by its files. */
export function studyName(study) {
  const [first, ...others] = study.images;
  if (first === undefined) return study.error?.file ?? words.study.noImages;
  return others.length === 0 ? first.file : words.study.andMore(first.file, WHOLE.format(others.length));
}

/** "Completed", or "Open, 2 images so far" of a study to which more may come. */
export function statusWords({ status, images, expected_images: expected }) {
  if (status !== "open") return words.statuses[status];
  const { image } = words.counted;
  return words.study.openSoFar(expected ? words.of(images.length, count(expected, image)) : count(images.length, image));
}

/** "PA", or "AP (guessed)" of a view that no tag of the file says; "" where none is known. */
export function viewName({ view, view_source: source }) {
  if (!view || view === "UNKNOWN") return "";
  return source === "image" ? words.study.guessed(view) : view;
}

/** "Critical: Pneumothorax, Lung opacity"; "" where nothing is critical. */
export function criticalWords({ critical_names: names }) {
  return names.length === 0 ? "" : words.study.critical(names.join(", "));
}

/** "1,204" */
export const whole = (number) => WHOLE.format(number);

/** "1.4" */
export const tenths = (number) => TENTHS.format(number);

/** "93%" of 0.93 */
export const percent = (share) => PERCENT.format(share);

/** "1 image", "2 images": a number and the form of its noun that goes with it. */
export function count(number, forms) {
  return `${WHOLE.format(number)} ${forms[PLURAL.select(number)] ?? forms.other}`;
}
