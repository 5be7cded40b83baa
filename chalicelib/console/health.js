// The router's health: a light in the corner, and each dependency in the view of the queue.

import { ask } from "./asking.js";
import { Problem } from "./calls.js";
import { byId, facts, write } from "./elements.js";
import { repeat } from "./polling.js";
import { onLost } from "./troubles.js";

const SECONDS = 15;
const WORDS = { pass: "All well", warn: "No worker", fail: "Out of order", unknown: "Not reached" };
let status = "unknown";
let lost = false;

// Whether nobody is there to run a job, as far as the last look tells.
export const noWorker = () => status === "warn";

export async function lookAtHealth(signal) {
  try {
    show((await ask("GET", "health", { token: null, signal })).body);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    show({ status: "fail", checks: { router: [{ status: "fail", output: error.words }] } });
  }
}

function show(body) {
  const checks = Object.entries(body.checks).map(([name, [check]]) => [
    name[0].toUpperCase() + name.slice(1).replace(":", " "),
    [check.observedValue ?? check.status, check.output && `– ${check.output}`].filter((part) => part != null).join(" "),
  ]);
  status = body.status;
  light();
  facts(byId("checks"), { Version: body.version, ...Object.fromEntries(checks) });
}

// What the last look found is nothing to go by while the router is not reached.
function light() {
  const shown = lost ? "unknown" : status;
  byId("health").dataset.status = shown;
  write(byId("health"), WORDS[shown] ?? shown);
}

onLost((now) => {
  lost = now;
  light();
});
repeat(() => SECONDS, lookAtHealth);
