// The queue: live while looked at.

import { ask } from "./asking.js";
import { Chart } from "./chart.js";
import { byId, facts } from "./elements.js";
import { lookAtHealth } from "./health.js";
import { within } from "./notices.js";
import { repeat } from "./polling.js";
import { view } from "./tabs.js";
import { span } from "./words.js";

const SECONDS = 3;
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

byId("charts").append(...Object.values(charts).map((chart) => chart.card));
view("queue", { show: () => (stop = repeat(() => SECONDS, look)), hide: () => stop() });
