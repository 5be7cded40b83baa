// One job, opened: what it says while it runs, what became of it, and what can be done about it.

import { showFacts, standing } from "./answer_facts.js";
import { ask } from "./asking.js";
import { Countdown } from "./countdown.js";
import { alone, append, byId, enable, enabled, fill, keyed, write } from "./elements.js";
import { follow } from "./following.js";
import { hush, within } from "./notices.js";

const dialog = byId("job-dialog");
const words = byId("job-words");
const toGo = new Countdown(byId("job-to-go"));
// The job that is open, and what ends all that is asked for it: {job, control}. Each deed keeps to the
// one that it began with, and nothing of one that was closed arrives any more.
let opened = null;
let changed = () => {};

// Opens *listed*, as the table shows it; *onChange* hears of each deed.
export function openJob(listed, onChange) {
  changed = onChange;
  byId("job-title").textContent = listed.id;
  hush(byId("job-notice"));
  unsure();
  dialog.showModal();
  read({ ...listed, result: null, usage: null, eta_seconds: null, position: null });
}

async function read(job) {
  opened?.control.abort();
  const here = { job, control: new AbortController() };
  opened = here;
  fill(words);
  stands(here, job);
  const shown = {
    stands: (told) => stands(here, told),
    says: (text) => append(words, text),
    beginsAnew: () => fill(words),
  };
  await within(byId("job-notice"), "jobs:read", "reading a job", async () => {
    const { signal } = here.control;
    // A list tells no place in the queue.
    if (job.state === "queued") shown.stands((await ask("GET", `jobs/${job.id}`, { signal })).body);
    const ended = await follow(job.id, shown, signal);
    if (ended.result && words.textContent !== ended.result.text) fill(words, ended.result.text);
  });
}

function stands(here, job) {
  here.job = job;
  write(byId("job-progress"), standing(job));
  toGo.follow(job);
  showFacts(byId("job-facts"), job, true);
  const going = job.state === "queued" || job.state === "running";
  byId("job-cancel").hidden = !going;
  enable(byId("job-cancel"), !job.cancel_requested);
  byId("job-retry").hidden = !(job.state === "failed" || job.state === "expired");
  byId("job-erase").hidden = job.state === "running";
  if (document.activeElement.hidden) byId("job-close").focus();
}

async function cancel() {
  if (!enabled(byId("job-cancel"))) return;
  await deed("cancelling a job", async (here, signal) => {
    stands(here, (await ask("POST", `jobs/${here.job.id}/cancel`, { signal })).body);
  });
}

async function retry() {
  await deed("running a job again", async (here, signal) => {
    const { id, version } = here.job;
    const again = (await ask("POST", `jobs/${id}/retry`, { body: { version }, signal })).body;
    read(again);
  });
}

// What is erased does not come back: the button asks once more, and a double click is no answer.
async function erase(event) {
  const button = byId("job-erase");
  if (!button.classList.contains("bad")) {
    button.classList.add("bad");
    button.textContent = "Erase input and result for good";
    return;
  }
  if (event.detail > 1) return;
  await deed("erasing a job", async (here, signal) => {
    await ask("DELETE", `jobs/${here.job.id}`, { signal });
    dialog.close();
  });
}

function unsure() {
  byId("job-erase").classList.remove("bad");
  byId("job-erase").textContent = "Erase";
}

async function deed(purpose, work) {
  const here = opened;
  await within(byId("job-notice"), "jobs:write", purpose, () => work(here, here.control.signal));
  changed();
}

// The table may have been drawn anew meanwhile, and the button that opened the job with it.
function close() {
  const { job, control } = opened;
  control.abort();
  opened = null;
  toGo.stop();
  const left = document.activeElement;
  if (left === document.body || dialog.contains(left)) (keyed(job.id) ?? byId("jobs")).focus();
}

byId("job-cancel").addEventListener("click", alone(cancel));
byId("job-retry").addEventListener("click", alone(retry));
byId("job-erase").addEventListener("click", alone(erase));
byId("job-erase").addEventListener("blur", unsure);
byId("job-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", close);
