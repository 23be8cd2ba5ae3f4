/** The form that takes files in: choose or drop, say which are one study, send, watch the bytes go. */

import { h, fill } from "./dom.js";
import { count, size } from "./format.js";
import { announce, faultBox, problemBox } from "./notices.js";
import { oneStudy, severalStudies } from "./sending.js";
import { language, words } from "./words.js";

const TEXT = words.upload;

const ACCEPT = ".dcm,.dicom,.png,.jpg,.jpeg,.zip,application/dicom,image/png,image/jpeg,application/zip";

const SEVERAL_PATIENTS = "/problems/several-patients";
const OTHER_PATIENT = "/problems/other-patient";

/**
 * Makes the form.
 *
 * @param {{info: object, signal: AbortSignal, onSent: (path: string) => void}} options `onSent` gets the
 *   address of the view that shows what was sent
 * @returns {{element: HTMLElement, add: (files: Iterable<File>) => void}}
 */
export function uploadForm({ info, signal, onSent }) {
  /** @type {File[]} */
  let files = [];
  /** @type {Map<string, import("./sending.js").Delivery>} by the grouping; a second try is the same delivery */
  const deliveries = new Map();
  const parts = formParts(info);
  const { form, picker, list, choice, status, send, details } = parts;

  function choose(chosen) {
    files = chosen;
    deliveries.clear();
    draw();
  }

  function add(more) {
    choose([...files, ...more]);
    picker.value = "";
    announce(count(files.length, words.counted.chosen));
    send.focus();
  }

  function draw() {
    const remove = (index) => {
      choose(files.filter((_, at) => at !== index));
      (list.querySelectorAll("button")[Math.min(index, files.length - 1)] ?? picker).focus();
    };
    fill(list, ...files.map((file, index) => fileLine(file, () => remove(index))));
    form.classList.toggle("filled", files.length > 0);
    choice.hidden = files.length < 2;
    details.hidden = files.length === 0;
    send.hidden = files.length === 0;
    fill(status);
  }

  function submit(event) {
    event.preventDefault();
    const together = choice.hidden || form.elements.namedItem("grouping").value === "together";
    if (!together) return deliver("each", () => severalStudies(files.map((file) => [file])));
    const fault = limitFault(files, info.limits);
    if (fault !== null) return fill(status, faultBox(fault));
    return deliver("together", () => oneStudy(files));
  }

  async function deliver(grouping, make, said = {}) {
    const delivery = deliveries.get(grouping) ?? make();
    deliveries.set(grouping, delivery);
    send.disabled = true;
    try {
      onSent(await delivery.send({ ...fieldsOf(form), ...said }, { signal, ...progress(status) }));
    } catch (error) {
      if (error.name === "AbortError") return;
      const ways = waysOn(error);
      // The server's advice is for programs; here it is buttons.
      if (ways.length > 0) error.advice = "";
      fill(status, problemBox(error, ...ways), whatIsIn(delivery.taken(), files.length));
      status.querySelector("button")?.focus();
    } finally {
      send.disabled = false;
    }
  }

  /** What can be done about files that contradict each other, or the patient's id that was typed. */
  function waysOn({ type, positions }) {
    if (type !== SEVERAL_PATIENTS && type !== OTHER_PATIENT) return [];
    const meant = () => deliver("together", () => oneStudy(files), { mixed: "true" });
    const ways = [h("button", { type: "button", onclick: meant }, TEXT.sendMeant)];
    const studies = type === SEVERAL_PATIENTS ? grouped(files, positions) : null;
    if (studies !== null) {
      // An id that was typed cannot be that of all of them; the files say whose they are.
      const apart = () => deliver("apart", () => severalStudies(studies), { patient_id: "" });
      ways.unshift(h("button.primary", { type: "button", onclick: apart }, TEXT.sendApart(studies.length)));
    }
    return ways;
  }

  picker.addEventListener("change", () => add(picker.files));
  form.addEventListener("submit", submit);
  document.addEventListener(
    "cxr-files",
    (event) => {
      event.preventDefault();
      add(event.detail);
    },
    { signal },
  );
  draw();
  return { element: form, add };
}

function formParts(info) {
  const picker = h("input.visually-hidden", { type: "file", id: "files", multiple: true, accept: ACCEPT });
  const list = h("ul.file-list", { "aria-label": TEXT.chosenFiles });
  const choice = groupingChoice();
  const details = detailFields();
  const status = h("div.upload-status", {});
  const send = h("button.primary", { type: "submit" }, TEXT.send);
  const { max_files: most, max_file_bytes: bytes } = info.limits;
  const form = h(
    "form.upload",
    { "aria-label": TEXT.title },
    h(
      "div.drop",
      {},
      picker,
      h("label.drop-label", { for: "files" }, h("strong", {}, TEXT.choose), h("span", {}, TEXT.orDrop)),
      h("p.soft", {}, TEXT.limits(count(most, words.counted.image), size(bytes))),
    ),
    list,
    choice,
    details,
    status,
    h("div.actions", {}, send),
  );
  return { form, picker, list, choice, status, send, details };
}

function groupingChoice() {
  const option = (value, title, text, checked) =>
    h(
      "label.option",
      {},
      h("input", { type: "radio", name: "grouping", value, checked }),
      h("span", {}, h("strong", {}, title), h("span.soft", {}, text)),
    );
  return h(
    "fieldset",
    {},
    h("legend", {}, TEXT.grouping),
    option("together", TEXT.together, TEXT.togetherMeans, true),
    option("each", TEXT.each, TEXT.eachMeans, false),
  );
}

function detailFields() {
  const select = (id, label, choices, chosen) => {
    const options = Object.entries(choices).map(([value, name]) => h("option", { value, selected: value === chosen }, name));
    return h("div.field", {}, h("label", { for: id }, label), h("select", { id, name: id }, ...options));
  };
  return h(
    "details.upload-details",
    {},
    h("summary", {}, TEXT.details),
    h(
      "div.fields",
      {},
      select("priority", TEXT.priority, words.priorities, "routine"),
      select("language", TEXT.language, words.languages, language),
      h("div.field", {}, h("label", { for: "patient_id" }, TEXT.patientId), h("input", { id: "patient_id", name: "patient_id", maxlength: 64, autocomplete: "off" })),
      h("div.field.wide", {}, h("label", { for: "indication" }, TEXT.indication), h("textarea", { id: "indication", name: "indication", maxlength: 4000, rows: 2 })),
    ),
  );
}

function fileLine(file, onRemove) {
  return h(
    "li",
    {},
    h("span.file-name", {}, file.name),
    h("span.soft.number", {}, size(file.size)),
    h("button.quiet", { type: "button", onclick: onRemove, "aria-label": TEXT.removeFile(file.name) }, TEXT.remove),
  );
}

function fieldsOf(form) {
  const fields = {};
  for (const name of ["priority", "language", "patient_id", "indication"]) {
    const value = form.elements.namedItem(name).value.trim();
    if (value !== "") fields[name] = value;
  }
  return fields;
}

/** What the server would refuse after the last byte, said before the first. */
function limitFault(files, limits) {
  if (files.length > limits.max_files) {
    const detail = TEXT.tooManyDetail(limits.max_files, files.length);
    return { title: TEXT.tooMany, detail, advice: TEXT.tooManyAdvice };
  }
  const large = files.find((file) => file.size > limits.max_file_bytes);
  if (large === undefined) return null;
  const detail = TEXT.tooLargeDetail(size(large.size), size(limits.max_file_bytes));
  return { title: TEXT.tooLarge, detail, file: large.name };
}

/** The files of each study; null where one (a zip) holds several: it cannot be sent in parts from here. */
function grouped(files, positions) {
  const placed = positions.flat();
  if (new Set(placed).size !== placed.length) return null;
  const studies = positions.map((group) => group.map((at) => files[at]));
  // What is no image is of no group; with the first one it is named as set aside.
  studies[0].push(...files.filter((_, at) => !placed.includes(at)));
  return studies;
}

function whatIsIn(taken, all) {
  return taken === 0 ? null : h("p.soft", {}, TEXT.partlyIn(words.of(taken, count(all, words.counted.file))));
}

/** Shows how far the files are, and what holds them up. */
function progress(place) {
  const bar = h("progress", { max: 1, value: 0, "aria-label": TEXT.progress });
  const line = h("span.number", {});
  fill(place, h("div.progress", {}, bar, line));
  const onProgress = (sent, total, note = "") => {
    bar.value = total === 0 ? 0 : sent / total;
    const share = sent < total ? words.of(size(sent), size(total)) : TEXT.sent;
    line.textContent = note === "" ? share : `${note} · ${share}`;
  };
  const onTrouble = (trouble) => {
    line.textContent = TEXT.trouble(trouble);
    announce(line.textContent);
  };
  return { onProgress, onTrouble };
}
