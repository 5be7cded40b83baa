// One call to the router, and what it answers or refuses.

import { address } from "./address.js";
import { session } from "./session.js";

const EMPTY = [204, 304]; // answers without a body
const SILENCE_SECONDS = 40; // longer than any answer takes

// A refusal: a problem document, or what a gateway said instead of one.
export class Problem extends Error {
  constructor(status, document, headers) {
    super(document.title ?? `The router answered ${status}`);
    this.status = status;
    this.code = document.code ?? "";
    this.title = this.message;
    this.detail = document.detail ?? document.error?.message ?? "";
    this.errors = document.errors ?? [];
    this.retryAfter = Number(headers.get("Retry-After")) || null;
  }

  get lacksScope() {
    return this.code === "scope_insufficient";
  }

  // Whether another token is needed: this one is refused altogether.
  get refusesToken() {
    const of = /^(audience|issuer|key|signature|token)_/;
    return this.status === 401 || (this.status === 403 && of.test(this.code));
  }

  get passes() {
    return this.status === 429 || this.status === 503;
  }

  get words() {
    const detail = this.detail && this.detail !== this.title ? [this.detail] : [];
    const fields = this.errors.map((field) => `${field.pointer || "the body"}: ${field.detail}`);
    const later = this.retryAfter ? [`Try again in ${this.retryAfter} s.`] : [];
    return [`${this.title}.`.replace("..", "."), ...detail, ...fields, ...later].join("\n");
  }
}

// No answer came, or a gateway's that got none itself, or one that is not the router's.
export class Lost extends Error {}

// One try. Returns {status, body, headers}; throws Problem, Lost, or the signal's reason.
export async function once(method, path, { body, headers = {}, token = session.token, signal } = {}) {
  const sent = { ...headers };
  if (token) sent.Authorization = `Bearer ${token}`;
  if (body !== undefined) sent["Content-Type"] = "application/json";
  const silence = AbortSignal.timeout(SILENCE_SECONDS * 1000);
  let answer, told;
  try {
    answer = await fetch(address(path), {
      method,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, silence]) : silence,
      cache: "no-store",
      credentials: "omit",
    });
    told = await answer.text();
  } catch {
    signal?.throwIfAborted();
    throw new Lost();
  }
  signal?.throwIfAborted(); // also where the answer was faster
  if (answer.status === 502 || answer.status === 504) throw new Lost();
  const document = parsed(told);
  const sound = answer.ok || answer.status === 304 || answer.headers.get("Content-Type")?.startsWith("application/health+json");
  if (!sound) throw new Problem(answer.status, document ?? {}, answer.headers);
  if (!EMPTY.includes(answer.status) && !document) throw new Lost();
  return { status: answer.status, body: document, headers: answer.headers };
}

function parsed(text) {
  try {
    const document = JSON.parse(text);
    return typeof document === "object" ? document : null;
  } catch {
    return null;
  }
}

// The query of the link that leads on, null on the last page.
export function following(answer) {
  return answer.headers.get("Link")?.match(/<\?([^>]*)>; *rel="next"/)?.[1] ?? null;
}

export function newToken() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
