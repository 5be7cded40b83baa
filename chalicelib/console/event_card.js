// One event as a card, with what can be done about it.

import { alone, element } from "./elements.js";
import { moment, payload } from "./words.js";

// *deeds* are names and functions: {Acknowledge: () => …}.
export function eventCard(event, deeds) {
  const buttons = Object.entries(deeds).map(([name, deed]) =>
    element("button", { type: "button", class: "small", "data-key": `${name}-${event.event_id}`, "aria-label": `${name} ${event.event_id}`, onclick: alone(deed) }, name),
  );
  return element(
    "li",
    { class: "event", "data-event": event.event_id },
    element("div", { class: "event-head" }, element("span", { class: "event-type" }, event.event_type), element("small", {}, `${event.source} · ${moment(event.timestamp)}`)),
    element("pre", { tabindex: "0", "data-key": `payload-${event.event_id}`, "aria-label": "Payload" }, payload(event.payload)),
    element("div", { class: "deeds" }, element("span", { class: "id" }, event.event_id + (event.delivered ? " · acknowledged" : "")), element("span", { class: "deeds" }, ...buttons)),
  );
}
