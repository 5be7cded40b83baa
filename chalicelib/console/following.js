// A job's life, followed: where it stands and what it says, from its first token to its end.

import { ask } from "./asking.js";
import { pause } from "./troubles.js";

const QUEUED_SECONDS = 2; // position and ETA are looked at so often
const RUNNING_SECONDS = 10;

// Tells *shown*: stands(job), says(text), beginsAnew(attempt). Returns the job once it has ended.
export async function follow(id, shown, signal) {
  let cursor = "0-0";
  let state = "queued";
  for (;;) {
    const seconds = state === "queued" ? QUEUED_SECONDS : RUNNING_SECONDS;
    const answer = await ask("GET", `jobs/${id}/stream?after=${cursor}`, {
      headers: { Prefer: `wait=${seconds}` },
      signal,
    });
    const page = answer.body;
    if (page.reset) shown.beginsAnew(page.attempt);
    if (page.text) shown.says(page.text);
    if (page.state !== state || state === "queued" || page.reset || page.complete) {
      const job = (await ask("GET", `jobs/${id}`, { signal })).body;
      shown.stands(job);
      if (page.complete) return job;
    }
    ({ cursor, state } = page);
    // Where too many wait already, the router answers at once and says when to come again.
    if (!page.text && !answer.headers.has("Preference-Applied")) {
      await pause(Number(answer.headers.get("Retry-After")) || 1, signal);
    }
  }
}
