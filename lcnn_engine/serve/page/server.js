// What the page asks of the server, and what can go wrong with it, in words for a person.

import { sizeText } from "./words.js";

const PATIENCE = 30_000; // milliseconds to wait for an answer

/** Something that went wrong: `kind` for programs, `title` and `reason` for people. */
export class Problem extends Error {
  constructor(kind, title, reason, wait = null) {
    super(reason);
    Object.assign(this, { kind, title, reason, wait }); // wait: milliseconds after which to ask again; null: do not
  }
}

const KINDS = {
  400: ["unreadable", "This picture cannot be read"],
  401: ["token", "The server wants a token"],
  403: ["token", "The server refuses this token"],
  404: ["missing", "The server does not have that"],
  408: ["slow", "It took too long"],
  413: ["large", "This picture is too large"],
  415: ["unreadable", "This picture cannot be read"],
  422: ["unreadable", "This picture cannot be read"],
  429: ["busy", "The server is busy"],
  502: ["gone", "The server cannot be reached"],
  503: ["busy", "The server is busy"],
  504: ["slow", "It took too long"],
};
const AGAIN = { busy: 1000, gone: 2000 }; // milliseconds, where the server does not say

let token = "";

/** Send `text` with every request from now on, as a bearer token. */
export function useToken(text) {
  token = text.trim();
}

/** Ask for one path below the page. Returns its JSON; throws a Problem. */
async function ask(path, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  let response, text;
  try {
    response = await fetch(path, { ...options, headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    text = await response.text();
  } catch (error) {
    if (error.name === "TimeoutError") {
      throw new Problem("slow", "It took too long", `No answer in ${PATIENCE / 1000} seconds. Try a smaller picture.`);
    }
    const reason = "No answer. It has ended, or the way to it is cut. The page asks again until it is back.";
    throw new Problem("gone", "The server cannot be reached", reason, AGAIN.gone);
  }
  const found = parsed(text);
  if (response.ok && found !== null) return found;
  throw problemOf(response, found, text);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function problemOf(response, found, text) {
  const [kind, title] = KINDS[response.status] ?? ["other", "Something went wrong"];
  const said = [found?.error, found?.detail, found?.message].find((value) => typeof value === "string");
  const plain = found === null && !text.trimStart().startsWith("<") ? text.trim().slice(0, 500) : "";
  const reason = said || plain || `The server answered ${response.status} ${response.statusText}`.trim();
  const after = Number(response.headers.get("Retry-After"));
  const wait = kind in AGAIN ? Math.min(after > 0 ? 1000 * after : AGAIN[kind], 30_000) : null;
  return new Problem(kind, title, reason, wait);
}

let mostBytes = Infinity; // that the server takes in one request

/** List the models: `[{name, shape: [height, width, channels], digits}]`; `digits`: its classes are those. */
export async function models() {
  const found = await ask("models");
  mostBytes = found.max_body;
  return found.models;
}

/** Classify `body`, the Blob of an image file, by the model of that name. */
export async function classify(body, model, details = false) {
  if (body.size > mostBytes) {
    // Not even sent: a server that refuses a body before it has read it looks like one that is gone.
    const reason = `It has ${sizeText(body.size)}; the server takes ${sizeText(mostBytes)}.`;
    throw new Problem("large", KINDS[413][1], reason);
  }
  const query = new URLSearchParams({ top: "5", model, ...(details ? { details: "true" } : {}) });
  const headers = { "Content-Type": "application/octet-stream" };
  return ask(`classify?${query}`, { method: "POST", headers, body });
}
