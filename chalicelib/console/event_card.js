// One event as a card, with what can be done about it.

import { element } from "./elements.js";
import { moment, payload } from "./words.js";

// *deeds* are names and functions: {Acknowledge: () => …}.
export function eventCard(event, deeds) {
  const buttons = Object.entries(deeds).map(([name, onclick]) =>
    element("button", { type: "button", class: "small", "data-key": `${name}-${event.event_id}`, "aria-label": `${name} ${event.event_id}`, onclick }, name),
  );
  return element(
    "li",
    { class: "event", "data-event": event.event_id },
    element("div", { class: "event-head" }, element("span", { class: "event-type" }, event.event_type), element("small", {}, `${event.source} · ${moment(event.timestamp)}`)),
    element("pre", { tabindex: "0", "aria-label": "Payload" }, payload(event.payload)),
    element("div", { class: "deeds" }, element("span", { class: "id" }, event.event_id + (event.delivered ? " · acknowledged" : "")), element("span", { class: "deeds" }, ...buttons)),
  );
}
