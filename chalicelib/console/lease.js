// A lease on events: taken, renewed, given back, acknowledged. Its token is this page's own.

import { ask } from "./asking.js";
import { newToken } from "./calls.js";
import { alone, byId, enable, redraw, write } from "./elements.js";
import { eventCard } from "./event_card.js";
import { within } from "./notices.js";
import { clockTime, many } from "./words.js";

const notice = byId("inbox-notice");
// {token, until, events, renewing, control}: until by performance.now(), which nobody sets; control ends
// what is still asked for it once it is over, so that no late answer meets the next one.
let lease = null;
let released = () => {};

export const onRelease = (listener) => (released = listener);

const seconds = () => Number(byId("lease-seconds").value);

async function take() {
  if (lease?.events.length) return;
  const token = newToken();
  const body = { count: Number(byId("lease-count").value), seconds: seconds(), lease: token };
  await deed("leasing events", async () => {
    const answer = await ask("POST", "inbox/lease", { body });
    lease?.control.abort();
    lease = { token, until: end(answer, body.seconds), events: answer.body.events, renewing: false, control: new AbortController() };
  });
}

async function extend() {
  const held = lease;
  const body = { lease: held.token, seconds: seconds() };
  held.renewing = true;
  try {
    await deed("renewing a lease", async () => {
      held.until = end(await ask("POST", "inbox/extend", { body, signal: held.control.signal }), body.seconds);
    });
  } finally {
    held.renewing = false;
  }
}

// When a lease ends: by the router's clock alone, since the browser's may be minutes off.
function end(answer, asked) {
  const left = (Date.parse(answer.body.until) - Date.parse(answer.headers.get("Date"))) / 1000;
  return performance.now() + 1000 * Math.min(asked, Number.isNaN(left) ? asked : left);
}

// *move* is ack or release; of one event, or of all that the lease holds.
async function part(move, id) {
  const held = lease;
  const body = { lease: held.token, ...(id && { event_ids: [id] }) };
  await deed(move === "ack" ? "acknowledging events" : "releasing events", async () => {
    await ask("POST", `inbox/${move}`, { body, signal: held.control.signal });
    held.events = held.events.filter((event) => id && event.event_id !== id);
  });
}

async function deed(purpose, work) {
  const held = lease;
  const done = await within(notice, "inbox:ack", purpose, async () => {
    try {
      await work();
    } catch (error) {
      if (error.code === "lease_lost" && lease === held) lease = null;
      throw error;
    }
  });
  show();
  if (done) released();
}

function show() {
  const events = lease?.events ?? [];
  redraw(
    byId("leased"),
    ...events.map((event) =>
      eventCard(event, {
        Acknowledge: () => part("ack", event.event_id),
        Release: () => part("release", event.event_id),
      }),
    ),
  );
  byId("lease-deeds").hidden = events.length === 0;
  enable(byId("take"), events.length === 0); // one at a time: what it holds must not be forgotten
  write(byId("lease-status"), told(events));
}

function told(events) {
  if (!lease) return "";
  if (!events.length) return "The lease holds nothing.";
  return `${many(events.length, "event")} leased until ${clockTime(lease.until)}.`;
}

// What lapsed is anybody's again. While a renewal is under way, only its answer tells whether it has.
setInterval(() => {
  if (!lease?.events.length || lease.renewing || lease.until > performance.now()) return;
  lease.control.abort();
  lease = null;
  show();
  write(byId("lease-status"), "The lease has lapsed: its events are pending again.");
  released();
}, 1000);

byId("lease-form").addEventListener("submit", alone(take));
byId("lease-ack").addEventListener("click", alone(() => part("ack")));
byId("lease-extend").addEventListener("click", alone(extend));
byId("lease-release").addEventListener("click", alone(() => part("release")));
