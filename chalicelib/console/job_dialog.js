// One job, opened: what it says while it runs, what became of it, and what can be done about it.

import { showFacts, standing } from "./answer_facts.js";
import { ask } from "./asking.js";
import { byId, enable, enabled, fill } from "./elements.js";
import { follow } from "./following.js";
import { hush, within } from "./notices.js";

const dialog = byId("job-dialog");
const words = byId("job-words");
let job = null;
let control = null;
let changed = () => {};

const shown = {
  stands(told) {
    job = told;
    byId("job-progress").textContent = standing(job);
    showFacts(byId("job-facts"), job, true);
    const going = job.state === "queued" || job.state === "running";
    byId("job-cancel").hidden = !going;
    enable(byId("job-cancel"), !job.cancel_requested);
    byId("job-retry").hidden = !(job.state === "failed" || job.state === "expired");
    byId("job-erase").hidden = job.state === "running";
  },
  says: (text) => words.append(text),
  beginsAnew: () => fill(words),
};

// Opens *listed*, as the table shows it; *onChange* hears of each deed.
export function openJob(listed, onChange) {
  changed = onChange;
  byId("job-title").textContent = listed.id;
  hush(byId("job-notice"));
  unsure();
  shown.stands({ ...listed, result: null, usage: null, eta_seconds: null, position: null });
  dialog.showModal();
  read(listed.id);
}

async function read(id) {
  control?.abort();
  control = new AbortController();
  const { signal } = control;
  fill(words);
  await within(byId("job-notice"), "jobs:read", "reading a job", async () => {
    const ended = await follow(id, shown, signal);
    if (ended.result && words.textContent !== ended.result.text) fill(words, ended.result.text);
  });
}

async function cancel() {
  if (!enabled(byId("job-cancel"))) return;
  await deed("cancelling a job", async () => {
    shown.stands((await ask("POST", `jobs/${job.id}/cancel`)).body);
  });
}

async function retry() {
  await deed("running a job again", async () => {
    const { id, version } = job;
    shown.stands((await ask("POST", `jobs/${id}/retry`, { body: { version } })).body);
    read(id);
  });
}

// What is erased does not come back: the button asks once more.
async function erase() {
  const button = byId("job-erase");
  if (!button.classList.contains("bad")) {
    button.classList.add("bad");
    button.textContent = "Erase input and result for good";
    return;
  }
  const done = await deed("erasing a job", () => ask("DELETE", `jobs/${job.id}`));
  if (done) dialog.close();
}

function unsure() {
  byId("job-erase").classList.remove("bad");
  byId("job-erase").textContent = "Erase";
}

async function deed(purpose, work) {
  const done = await within(byId("job-notice"), "jobs:write", purpose, work);
  changed();
  return done;
}

byId("job-cancel").addEventListener("click", cancel);
byId("job-retry").addEventListener("click", retry);
byId("job-erase").addEventListener("click", erase);
byId("job-erase").addEventListener("blur", unsure);
byId("job-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => control?.abort());
