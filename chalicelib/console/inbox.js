// The inbox: what nobody has acknowledged or leased, oldest first, and a look at any one event.

import { ask } from "./asking.js";
import { byId, fill, redraw } from "./elements.js";
import { eventCard } from "./event_card.js";
import { onRelease } from "./lease.js";
import { hush, within } from "./notices.js";
import { paged } from "./paging.js";

const load = paged("inbox", "events", {
  path: "inbox",
  member: "events",
  scope: "inbox:read",
  purpose: "reading the inbox",
  nothing: "Nothing is pending. The end of each job arrives here as an event.",
  slowest: 30, // events come with all they carry
  first: () => ({ limit: 10, type: byId("event-type").value.trim() }),
  draw: (event) => eventCard(event, { Acknowledge: () => acknowledge(event) }),
});

async function acknowledge(event) {
  const done = await within(byId("inbox-notice"), "inbox:ack", "acknowledging an event", () => ask("DELETE", `inbox/${event.event_id}`));
  if (done) await load();
}

async function find() {
  await within(byId("find-notice"), "inbox:read", "reading an event", async () => {
    const found = (await ask("GET", `inbox/${byId("find-id").value.trim()}`)).body;
    const deeds = found.delivered ? {} : { Acknowledge: async () => (await acknowledge(found), find()) };
    redraw(byId("found"), eventCard(found, deeds));
  });
}

byId("find-form").addEventListener("submit", (event) => {
  event.preventDefault();
  fill(byId("found"));
  find();
});
byId("find-id").addEventListener("input", () => hush(byId("find-notice")));
onRelease(() => load());
