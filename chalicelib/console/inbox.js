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

let looking = new AbortController(); // ends the look-up of an event once another is asked for

async function find(id) {
  looking.abort();
  looking = new AbortController();
  const { signal } = looking;
  await within(byId("find-notice"), "inbox:read", "reading an event", async () => {
    const found = (await ask("GET", `inbox/${id}`, { signal })).body;
    const settle = async () => {
      await acknowledge(found);
      if (!signal.aborted) await find(found.event_id);
    };
    redraw(byId("found"), eventCard(found, found.delivered ? {} : { Acknowledge: settle }));
  });
}

byId("find-form").addEventListener("submit", (event) => {
  event.preventDefault();
  fill(byId("found"));
  find(byId("find-id").value.trim());
});
byId("find-id").addEventListener("input", () => hush(byId("find-notice")));
onRelease(() => load());
