// The router's health: a light in the corner, and each dependency in the view of the queue.

import { ask } from "./asking.js";
import { Problem } from "./calls.js";
import { byId, facts, write } from "./elements.js";
import { repeat } from "./polling.js";

const SECONDS = 15;
const WORDS = { pass: "All well", warn: "No worker", fail: "Out of order" };
let status = "unknown";

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
  byId("health").dataset.status = status;
  write(byId("health"), WORDS[status] ?? status);
  facts(byId("checks"), { Version: body.version, ...Object.fromEntries(checks) });
}

repeat(() => SECONDS, lookAtHealth);
