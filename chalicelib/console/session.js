// Who is signed in: the token, kept in this tab's sessionStorage alone, and what it tells.

import { home } from "./address.js";

const PLACE = `tinyllama.token:${home}`; // stages of one origin do not share a token
// What a token tells differently each time it is issued, and what it opens.
const PASSING = ["auth_time", "event_id", "exp", "iat", "jti", "nbf", "nonce", "origin_jti", "scope", "scp", "sid"];
let held = sessionStorage.getItem(PLACE);
const listeners = new Set();
const refused = new Set(); // scopes that the router said the token lacks

export const session = {
  get token() {
    return held;
  },
  // False where the token may be another tenant's: then the page begins anew with it, and nothing of
  // the old one is kept or sent. What still runs until then has the old token.
  begin(token) {
    sessionStorage.setItem(PLACE, token);
    if (held && !sameTenant(held, token)) {
      location.replace(location.pathname);
      return false;
    }
    held = token;
    refused.clear();
    for (const listener of listeners) listener();
    return true;
  },
  // All that this page knew goes with it: typed, shown and held.
  end() {
    held = null;
    sessionStorage.removeItem(PLACE);
    location.replace(location.pathname);
  },
  onBegin(listener) {
    listeners.add(listener);
  },
  learnRefused(scope) {
    refused.add(scope);
  },
  // Whether the token lacks a scope. Groups may add to what it tells, so then only a refusal counts.
  lacks(scope) {
    const { scopes, grouped } = principal();
    return refused.has(scope) || Boolean(scopes && !grouped && !scopes.includes(scope));
  },
};

// What the token says of itself, for showing only: the router alone decides. Nulls where it is mute.
export function principal(token = session.token) {
  const claims = read(token ?? "");
  const told = claims.scope ?? claims.scp;
  const scopes = Array.isArray(told) ? told : typeof told === "string" ? told.split(" ") : null;
  return {
    tenant: text(claims.tenant ?? claims.sub ?? claims.client_id),
    name: text(claims.name),
    scopes: scopes?.filter(Boolean).map((scope) => String(scope).split("/").at(-1)) ?? null,
    grouped: Object.keys(claims).some((name) => /groups$/i.test(name)),
    expires: typeof claims.exp === "number" ? new Date(claims.exp * 1000) : null,
  };
}

// An API key tells its tenant. Which claim of a token does, the router alone knows: so all must agree.
function sameTenant(old, token) {
  const [before, now] = [read(old), read(token)];
  if (isKey(old) && isKey(token)) return Boolean(now.tenant) && before.tenant === now.tenant;
  const names = Object.keys({ ...before, ...now }).filter((name) => !PASSING.includes(name));
  const same = (name) => JSON.stringify(before[name]) === JSON.stringify(now[name]);
  return isKey(old) === isKey(token) && names.length > 0 && names.every(same);
}

const isKey = (token) => token.startsWith("tlk_");

const text = (value) => (typeof value === "string" && value ? value : null);

function read(token) {
  try {
    const part = token.replace(/^tlk_/, "").split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return claims && typeof claims === "object" ? claims : {};
  } catch {
    return {};
  }
}
