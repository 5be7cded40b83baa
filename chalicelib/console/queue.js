// Queue and health: live while looked at.

import { ask } from "./asking.js";
import { Problem } from "./calls.js";
import { Chart } from "./chart.js";
import { byId, facts } from "./elements.js";
import { within } from "./notices.js";
import { repeat } from "./polling.js";
import { view } from "./tabs.js";
import { span } from "./words.js";

const HEALTH_SECONDS = 15;
const HEALTH = { pass: "All well", warn: "No worker", fail: "Out of order" };
const charts = {
  depth: new Chart("Waiting", "jobs"),
  running: new Chart("Running", "jobs"),
  throughput: new Chart("Throughput", "jobs/min"),
};
let stop = () => {};

const lasting = (seconds) => (seconds == null ? null : span(seconds * 1000));

async function look(signal) {
  const seen = await within(byId("queue-notice"), "jobs:read", "looking at the queue", async () => {
    const { body } = await ask("GET", "queue", { signal });
    charts.depth.add(body.depth.ready + body.depth.delayed);
    charts.running.add(body.depth.running);
    charts.throughput.add(body.throughput_per_minute);
    facts(byId("queue-facts"), {
      Ready: String(body.depth.ready),
      Delayed: String(body.depth.delayed),
      Running: String(body.depth.running),
      "Oldest waits": lasting(body.oldest_seconds),
      Workers: String(body.workers),
      Slots: String(body.slots),
      "Mean run": lasting(body.mean_run_seconds),
      "Dead letters": String(body.dead_letters),
    });
  });
  byId("charts").hidden = byId("queue-facts").parentElement.hidden = !seen;
  await lookAtHealth(signal);
}

async function lookAtHealth(signal) {
  try {
    showHealth((await ask("GET", "health", { token: null, signal })).body);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    showHealth({ status: "fail", checks: { router: [{ status: "fail", output: error.words }] } });
  }
}

function showHealth(body) {
  const light = byId("health");
  light.dataset.status = body.status;
  light.textContent = HEALTH[body.status] ?? body.status;
  const checks = Object.entries(body.checks).map(([name, [check]]) => [
    name[0].toUpperCase() + name.slice(1).replace(":", " "),
    [check.observedValue ?? check.status, check.output && `– ${check.output}`].filter((part) => part != null).join(" "),
  ]);
  facts(byId("checks"), { Version: body.version, ...Object.fromEntries(checks) });
}

byId("charts").append(...Object.values(charts).map((chart) => chart.card));
view("queue", { show: () => (stop = repeat(3, look)), hide: () => stop() });
repeat(HEALTH_SECONDS, lookAtHealth);
