// Who is signed in: the token, kept in this tab's sessionStorage alone, and what it tells.

const PLACE = "tinyllama.token";
const listeners = new Set();
const refused = new Set(); // scopes that the router said the token lacks

export const session = {
  get token() {
    return sessionStorage.getItem(PLACE);
  },
  begin(token) {
    sessionStorage.setItem(PLACE, token);
    refused.clear();
    for (const listener of listeners) listener();
  },
  // All that this page knew goes with it: typed, shown and held.
  end() {
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
