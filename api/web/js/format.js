/** How times, sizes, numbers and names are written. */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const UNITS = ["bytes", "kB", "MB", "GB"];

/** The words for a study's statuses. */
export const STATUS_WORDS = {
  queued: "Queued",
  classifying: "Classifying",
  classified: "Classified",
  reporting: "Writing report",
  completed: "Completed",
  rejected: "Rejected",
  failed: "Failed",
  cancelled: "Cancelled",
};

export const LANGUAGES = { en: "English", es: "Spanish" };

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

/** "1.4 s" or "2 min 5 s" between two moments. */
export function duration(from, to) {
  const seconds = Math.max(0, (new Date(to) - new Date(from)) / 1000);
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** "3.2 MB". */
export function size(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${Number(value.toFixed(1))} ${UNITS[power]}`;
}

/** "0.81": a probability, to two places. */
export function probability(value) {
  return value.toFixed(2);
}

/** "a.dcm" or "a.dcm and 2 more": a study by its files. */
export function studyName(study) {
  const [first, ...others] = study.images;
  if (first === undefined) return study.error?.file ?? "Study without images";
  return others.length === 0 ? first.file : `${first.file} and ${others.length} more`;
}

/** "1 image", "2 images". */
export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
