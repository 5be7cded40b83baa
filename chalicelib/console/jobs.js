// The table of jobs: filtered, page by page, kept fresh while it is looked at.

import { ask } from "./asking.js";
import { following } from "./calls.js";
import { byId, element, enable, redraw, statePill } from "./elements.js";
import { openJob } from "./job_dialog.js";
import { within } from "./notices.js";
import { repeat } from "./polling.js";
import { view } from "./tabs.js";
import { moment, span } from "./words.js";

const PAGE = 20;
const notice = byId("jobs-notice");
let page = ""; // the query of the page that is shown; empty on the first
let next = null;
let drawn = "";
let stop = () => {};

function query() {
  if (page) return page;
  const asked = new URLSearchParams({ limit: PAGE });
  if (byId("job-state").value) asked.set("state", byId("job-state").value);
  if (byId("job-model").value.trim()) asked.set("model", byId("job-model").value.trim());
  return asked.toString();
}

async function load(signal) {
  const listed = await within(notice, "jobs:read", "listing jobs", async () => {
    const asked = query();
    const answer = await ask("GET", `jobs?${asked}`, { signal });
    if (asked === query()) show(answer);
  });
  byId("jobs-card").hidden = !listed && !drawn;
}

function show(answer) {
  const { jobs } = answer.body;
  next = following(answer);
  enable(byId("jobs-next"), next !== null);
  enable(byId("jobs-first"), page !== "");
  const now = JSON.stringify(jobs);
  if (now === drawn) return;
  drawn = now;
  redraw(byId("job-rows"), ...jobs.map(row));
  byId("jobs-empty").hidden = jobs.length > 0;
  byId("jobs-empty").textContent = next
    ? "Nothing on this page; go on to older ones."
    : "No such jobs yet. Send a prompt in the playground.";
}

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
  const onclick = async () => {
    const done = await within(notice, "jobs:write", purpose, () => ask("POST", `jobs/${job.id}/${move}`, { body }));
    if (done) await load();
  };
  return element("button", { type: "button", class: "small", "data-key": `${move}-${job.id}`, "aria-label": `${name} ${job.id}`, onclick }, name);
}

function turnTo(query) {
  page = query;
  load();
}

byId("job-filters").addEventListener("submit", (event) => {
  event.preventDefault();
  turnTo("");
});
byId("job-state").addEventListener("change", () => turnTo(""));
byId("jobs-first").addEventListener("click", () => turnTo(""));
byId("jobs-next").addEventListener("click", () => next && turnTo(next));
byId("jobs-refresh").addEventListener("click", () => load());
view("jobs", { show: () => (stop = repeat(4, load)), hide: () => stop() });
