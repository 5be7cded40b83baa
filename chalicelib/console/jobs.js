// The table of jobs: filtered, page by page, and what can be done about each.

import { ask } from "./asking.js";
import { alone, byId, element, statePill } from "./elements.js";
import { openJob } from "./job_dialog.js";
import { within } from "./notices.js";
import { paged } from "./paging.js";
import { moment, span } from "./words.js";

const load = paged("jobs", "jobs", {
  path: "jobs",
  member: "jobs",
  scope: "jobs:read",
  purpose: "listing jobs",
  nothing: "No such jobs yet. Send a prompt in the playground.",
  slowest: 4,
  first: () => ({ limit: 20, state: byId("job-state").value, model: byId("job-model").value.trim() }),
  draw: row,
  shown: (any) => (byId("jobs-card").hidden = !any),
});

function row(job) {
  const opened = () => openJob(job, () => load());
  return element(
    "tr",
    {},
    element("td", {}, statePill(job.state)),
    element("td", {}, element("button", { type: "button", class: "link id cut", "data-key": job.id, onclick: opened, "aria-label": `Open ${job.id}` }, job.id)),
    element("td", { class: "roomy" }, job.model ?? "–"),
    element("td", { class: "roomy" }, moment(job.created_at)),
    element("td", { class: "roomy number" }, span(job.timings.queued_ms) ?? "–"),
    element("td", { class: "roomy number" }, span(job.timings.run_ms) ?? "–"),
    element("td", {}, deedOf(job)),
  );
}

function deedOf(job) {
  if (job.state === "queued" || job.state === "running") {
    return job.cancel_requested ? "stopping…" : button(job, "Cancel", "cancelling a job", "cancel");
  }
  if (job.state === "failed" || job.state === "expired") {
    return button(job, "Retry", "running a job again", "retry", { version: job.version });
  }
  return null;
}

function button(job, name, purpose, move, body) {
  const onclick = alone(async () => {
    const done = await within(byId("jobs-notice"), "jobs:write", purpose, () => ask("POST", `jobs/${job.id}/${move}`, { body }));
    if (done) await load();
  });
  return element("button", { type: "button", class: "small", "data-key": `${move}-${job.id}`, "aria-label": `${name} ${job.id}`, onclick }, name);
}

byId("job-state").addEventListener("change", () => byId("jobs-filters").requestSubmit());
