// The inbox: what nobody has acknowledged or leased, oldest first, and a look at any one event.

import { ask } from "./asking.js";
import { following } from "./calls.js";
import { byId, enable, fill, redraw } from "./elements.js";
import { eventCard } from "./event_card.js";
import { onRelease } from "./lease.js";
import { hush, within } from "./notices.js";
import { repeat } from "./polling.js";
import { view } from "./tabs.js";

const PAGE = 20;
const notice = byId("inbox-notice");
let page = "";
let next = null;
let drawn = "";
let stop = () => {};

function query() {
  if (page) return page;
  const asked = new URLSearchParams({ limit: PAGE });
  if (byId("event-type").value.trim()) asked.set("type", byId("event-type").value.trim());
  return asked.toString();
}

async function load(signal) {
  await within(notice, "inbox:read", "reading the inbox", async () => {
    const asked = query();
    const answer = await ask("GET", `inbox?${asked}`, { signal });
    if (asked === query()) show(answer);
  });
}

function show(answer) {
  const { events } = answer.body;
  next = following(answer);
  enable(byId("events-next"), next !== null);
  enable(byId("events-first"), page !== "");
  const now = JSON.stringify(events);
  if (now === drawn) return;
  drawn = now;
  redraw(byId("pending"), ...events.map((event) => eventCard(event, { Acknowledge: () => acknowledge(event) })));
  byId("pending-empty").hidden = events.length > 0;
  byId("pending-empty").textContent = next
    ? "Nothing on this page; go on to newer ones."
    : "Nothing is pending. The end of each job arrives here as an event.";
}

async function acknowledge(event) {
  const done = await within(notice, "inbox:ack", "acknowledging an event", () => ask("DELETE", `inbox/${event.event_id}`));
  if (done) await load();
}

async function find(event) {
  event.preventDefault();
  fill(byId("found"));
  await within(byId("find-notice"), "inbox:read", "reading an event", async () => {
    const found = (await ask("GET", `inbox/${byId("find-id").value.trim()}`)).body;
    const deeds = found.delivered ? {} : { Acknowledge: async () => (await acknowledge(found), find(event)) };
    fill(byId("found"), eventCard(found, deeds));
  });
}

function turnTo(query) {
  page = query;
  load();
}

byId("event-filters").addEventListener("submit", (event) => {
  event.preventDefault();
  turnTo("");
});
byId("events-first").addEventListener("click", () => turnTo(""));
byId("events-next").addEventListener("click", () => next && turnTo(next));
byId("events-refresh").addEventListener("click", () => load());
byId("find-form").addEventListener("submit", find);
byId("find-id").addEventListener("input", () => hush(byId("find-notice")));
onRelease(() => load());
view("inbox", { show: () => (stop = repeat(4, load)), hide: () => stop() });
