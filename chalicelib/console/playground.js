// The playground: a prompt goes in, its answer comes out as it is made.

import { showFacts, standing } from "./answer_facts.js";
import { ask } from "./asking.js";
import { newToken, once } from "./calls.js";
import { Countdown } from "./countdown.js";
import { alone, append, byId, element, enable, enabled, fill, write } from "./elements.js";
import { follow } from "./following.js";
import { hush, within } from "./notices.js";
import { session } from "./session.js";
import { view } from "./tabs.js";
import { span } from "./words.js";

const words = byId("words");
const toGo = new Countdown(byId("to-go"));
let run = null; // {control, id, began}: the latest prompt, under way or over

function draft() {
  const [system, prompt, model] = ["system", "prompt", "model"].map((id) => byId(id).value);
  const told = system.trim()
    ? { messages: [{ role: "system", content: system }, { role: "user", content: prompt }] }
    : { prompt };
  if (model.trim()) told.model = model.trim();
  const [most, temperature] = ["max-tokens", "temperature"].map((id) => byId(id).value);
  if (most) told.max_tokens = Number(most);
  if (temperature) told.temperature = Number(temperature);
  if (byId("priority").value !== "normal") told.priority = byId("priority").value;
  return told;
}

const shown = {
  stands(job) {
    const pill = byId("answer-state");
    pill.hidden = false;
    pill.dataset.state = job.state;
    write(pill, job.state);
    write(byId("progress"), standing(job));
    toGo.follow(job);
    if (job.cancel_requested) enable(byId("stop"), false);
    showFacts(byId("answer-facts"), job);
  },
  says(text) {
    append(words, text);
  },
  beginsAnew(attempt) {
    fill(words);
    byId("progress").textContent = `Attempt ${attempt} begins anew.`;
  },
};

async function send() {
  run = { control: new AbortController(), id: null, began: performance.now() };
  const body = draft();
  // One key for one press of the button, however often it has to be sent.
  const headers = { "Idempotency-Key": newToken() };
  begin();
  const { signal } = run.control;
  try {
    await within(byId("prompt-notice"), "infer:write", "sending a prompt", async () => {
      const job = (await ask("POST", "infer", { body, headers, signal })).body;
      run.id = job.id;
      shown.stands(job);
    });
    if (run.id) {
      await within(byId("prompt-notice"), "jobs:read", "reading the answer", () => read(signal));
    }
  } finally {
    end();
  }
}

async function read(signal) {
  const job = await follow(run.id, shown, signal);
  run.control.abort(); // nothing is left to stop
  // Text that was held longer than the tokens are.
  if (job.result && words.textContent !== job.result.text) fill(words, job.result.text);
  byId("copy").hidden = !words.textContent || !navigator.clipboard;
}

function begin() {
  hush(byId("prompt-notice"));
  fill(words);
  fill(byId("answer-facts"));
  byId("answer-state").hidden = byId("copy").hidden = true;
  byId("progress").textContent = "Sending…";
  words.classList.add("going");
  enable(byId("send"), false);
  byId("answer").scrollIntoView({ block: "nearest" });
  byId("stop").hidden = false;
  enable(byId("stop"), true);
  run.clock = setInterval(() => {
    byId("elapsed").textContent = span(performance.now() - run.began);
  }, 200);
}

function end() {
  clearInterval(run.clock);
  toGo.stop();
  byId("elapsed").textContent = "";
  if (!run.id) {
    const left = "Given up. If it arrived all the same, it is among your jobs.";
    byId("progress").textContent = run.control.signal.aborted ? left : "";
  }
  words.classList.remove("going");
  enable(byId("send"), true);
  // Whoever pressed it is not left nowhere when it goes.
  if (document.activeElement === byId("stop")) byId("send").focus();
  byId("stop").hidden = true;
}

async function stop() {
  if (!enabled(byId("stop"))) return;
  const here = run;
  const { id, control } = here;
  if (!id) return control.abort();
  enable(byId("stop"), false);
  byId("progress").textContent = "Stopping…";
  const done = await within(byId("prompt-notice"), "jobs:write", "stopping a job", async () => {
    try {
      const { body } = await ask("POST", `jobs/${id}/cancel`, { signal: control.signal });
      if (run === here) shown.stands(body);
    } catch (error) {
      // It goes on though the answer is read no further; what becomes of it is not the next prompt's.
      if (run === here) throw error;
    }
  });
  if (!done && run === here) enable(byId("stop"), true);
}

async function listModels() {
  if (session.lacks("infer:write")) return;
  try {
    const { body } = await once("GET", "v1/models");
    fill(byId("models"), ...body.data.map((model) => element("option", { value: model.id })));
  } catch {
    fill(byId("models")); // the field takes any name
  }
}

byId("prompt-form").addEventListener("submit", alone(send));
byId("prompt-form").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  byId("prompt-form").requestSubmit(byId("send"));
});
byId("stop").addEventListener("click", stop);
// Workers come and go, and their models with them.
byId("model").addEventListener("focus", listModels);
byId("copy").addEventListener("click", async () => {
  const copied = navigator.clipboard.writeText(words.textContent).then(() => "Copied.");
  byId("progress").textContent = await copied.catch(() => "The browser refuses to copy: select the text instead.");
});
view("playground", {
  show() {
    listModels();
    within(byId("prompt-notice"), "infer:write", "sending a prompt", () => {});
  },
});
