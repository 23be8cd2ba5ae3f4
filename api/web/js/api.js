/**
 * The server, as functions. Every call carries the API key when there is one, and every refusal is
 * thrown as a `Problem` that says what is wrong and what to do (RFC 9457).
 */

import { words } from "./words.js";

const KEY = "cxr-api-key";
/** Not reached, too many requests, or a proxy or server for which it is the wrong moment. */
const PASSING = new Set([0, 429, 502, 503, 504]);

/**
 * What the server said no with.
 *
 * @property {string} type stable, such as "/problems/not-an-image"
 * @property {string} title
 * @property {string} advice what to do
 * @property {?string} file the file that it is about
 * @property {?number[][]} positions of the files of each patient or study, where they are of several
 * @property {number} status HTTP status; 0 when the server was not reached
 */
export class Problem extends Error {
  constructor(body, status) {
    super(body.detail ?? words.problems.status(status));
    this.name = "Problem";
    this.type = body.type ?? "about:blank";
    this.title = body.title ?? words.problems.refused;
    this.advice = body.advice ?? "";
    this.file = body.file ?? null;
    this.positions = body.positions ?? null;
    this.status = status;
  }

  /** Whether its texts are the server's, and not the page's own. */
  get ofServer() {
    return this.type !== "about:blank";
  }

  /** Whether the same request may do better in a while, provided that it may be sent twice. */
  get passing() {
    // In use: our own first attempt, whose answer was lost, is still being served.
    return PASSING.has(this.status) || this.type === "/problems/idempotency-key-in-use";
  }
}

/** The key lives as long as the tab. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/**
 * Calls the server.
 *
 * @param {string} path of this server
 * @param {RequestInit} [options]
 * @returns {Promise<Response>} an answer with a status below 400
 * @throws {Problem} when it refuses, or cannot be reached
 */
export async function call(path, options = {}) {
  const headers = new Headers(options.headers);
  authorize((name, value) => headers.set(name, value));
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
  if (response.status >= 400) throw await problemOf(response);
  return response;
}

/** Reads JSON; null while the answer is still being made (202 without a body). */
export async function json(path, options) {
  const response = await call(path, options);
  const text = await response.text();
  return text === "" ? null : JSON.parse(text);
}

/** Makes the path of a question: `asking("/v1/studies", {limit: 25})`. A list is asked one by one, and null not at all. */
export function asking(path, parameters) {
  const said = Object.entries(parameters).flatMap(([name, value]) => [value ?? []].flat().map((one) => [name, one]));
  return said.length === 0 ? path : [path, new URLSearchParams(said)].join("?");
}

/** Reads bytes, such as a picture. */
export async function blob(path, options) {
  return (await call(path, options)).blob();
}

/** Posts JSON and reads JSON. */
export function post(path, body, { signal } = {}) {
  const headers = { "Content-Type": "application/json" };
  return json(path, { method: "POST", headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
}

/**
 * Sends a form with files, and tells how far it is: fetch cannot tell that, XMLHttpRequest can.
 *
 * @param {FormData} form
 * @param {{idempotencyKey: string, onProgress: (sent: number, total: number) => void, signal?: AbortSignal}} options
 * @returns {Promise<object>} the study
 */
export function upload(form, { idempotencyKey, onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/studies");
    request.setRequestHeader("Idempotency-Key", idempotencyKey);
    authorize((name, value) => request.setRequestHeader(name, value));
    request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new DOMException("", "AbortError"));
    request.onload = () => {
      const body = parsed(request.responseText);
      if (request.status < 400) resolve(body);
      else reject(new Problem(body, request.status));
    };
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/** What to do about a kind of error, in the words of the server's own reference; "" where it has none. */
export async function adviceFor(type) {
  if (!/^[a-z-]+$/.test(type)) return "";
  try {
    const text = await (await call(`/problems/${type}`)).text();
    return text.split("\n\n")[1]?.trim() ?? "";
  } catch (error) {
    if (error instanceof Problem) return "";
    throw error;
  }
}

/** Waits, or until the signal is aborted. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** A fresh name for a request; `crypto.randomUUID` is missing on plain http. */
export function freshKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function authorize(set) {
  const value = key.get();
  if (value) set("Authorization", `Bearer ${value}`);
}

async function problemOf(response) {
  return new Problem(parsed(await response.text()), response.status);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** Makes the problem of no answer, or of half of one. */
export function unreachable() {
  const { noConnection, unreachable: detail, unreachableAdvice } = words.problems;
  return new Problem({ title: noConnection, detail, advice: unreachableAdvice }, 0);
}
