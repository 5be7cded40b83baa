// Signing in: at first, and again in the midst of things when a token is refused.

import { onThisMachine } from "./address.js";
import { once, Problem } from "./calls.js";
import { alone, byId, fill, element } from "./elements.js";
import { hush, say } from "./notices.js";
import { principal, session } from "./session.js";

const dialog = byId("sign-in");
const FOREIGN = /[^A-Za-z0-9._~+/=-]/;
const LOST = "The router does not answer. Is it up, and the network?";
let wanted = false;
let waiting = []; // calls that go on once somebody is signed in

export function askToSignIn(problem) {
  if (dialog.open) return;
  dialog.classList.toggle("first", !problem);
  byId("sign-in-title").textContent = problem ? "Sign in again" : "Sign in";
  byId("sign-in-local").hidden = !onThisMachine;
  if (problem) say(byId("sign-in-notice"), `${problem.words}\nFor the same tenant your work is kept, and goes on.`, "told");
  else hush(byId("sign-in-notice"));
  wanted = true;
  dialog.showModal();
}

// Resolves once somebody has signed in; rejects when *signal* is aborted first.
export function signInAgain(problem, signal) {
  askToSignIn(problem);
  return new Promise((resolve, reject) => {
    waiting.push(resolve);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

async function signIn(event) {
  event.preventDefault();
  const field = byId("token");
  const token = field.value.trim().replace(/^Bearer\s+/i, "");
  const foreign = token.match(FOREIGN);
  if (foreign) return refuse(`No token has ${foreign[0].trim() || "a space"} in it: paste the token alone.`);
  try {
    await once("GET", "jobs?limit=1", { token });
  } catch (error) {
    // One that may not list jobs is a good token all the same.
    if (!error.lacksScope) return refuse(error instanceof Problem ? error.words : LOST);
  }
  field.value = "";
  if (!session.begin(token)) return;
  wanted = false;
  dialog.close();
  // Who signs in in the midst of something is given it back by the dialog itself.
  if (dialog.classList.contains("first")) byId("main").focus();
  for (const go of waiting.splice(0)) go();
}

function refuse(words) {
  say(byId("sign-in-notice"), words);
  byId("token").select();
}

function showWho() {
  const { tenant, name, scopes, expires } = principal();
  byId("who-name").textContent = tenant ?? "Signed in";
  const told = {
    Tenant: tenant ?? "not told by the token",
    "API key": name,
    Scopes: scopes?.join(", ") ?? "not told by the token",
    Expires: expires?.toLocaleString(),
  };
  const rows = Object.entries(told).filter(([, value]) => value);
  fill(
    byId("who-facts"),
    ...rows.map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value))),
  );
}

byId("sign-in-form").addEventListener("submit", alone(signIn));
byId("sign-out").addEventListener("click", () => session.end());
// Escape closes a dialog whatever a page says to it, in one browser at the first and in others later.
dialog.addEventListener("close", () => wanted && dialog.showModal());
byId("who").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  byId("who").open = false;
  byId("who-name").focus();
});
addEventListener("click", (event) => {
  if (!byId("who").contains(event.target)) byId("who").open = false;
});
session.onBegin(showWho);
if (session.token) showWho();
