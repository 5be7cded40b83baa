// The page's elements: found, made and filled with text, never with markup.

export const byId = (id) => document.getElementById(id);

// Attributes that are functions listen: { onclick: … }.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

export function fill(parent, ...children) {
  parent.replaceChildren(...children.filter((child) => child != null));
}

// What screen readers announce is written only where it changes.
export function write(place, words) {
  if (place.textContent !== words) place.textContent = words;
}

// Add text below, and stay at the end where the reader is there.
export function append(place, text) {
  const atEnd = place.scrollTop + place.clientHeight > place.scrollHeight - 30;
  place.append(text);
  if (atEnd) place.scrollTop = place.scrollHeight;
}

// A deed that listens: begun again while it goes on, as by a double click, it is done once.
export function alone(deed) {
  let going = false;
  return async (event) => {
    event.preventDefault();
    if (going) return;
    going = true;
    try {
      await deed(event);
    } finally {
      going = false;
    }
  };
}

// Names and values for a <dl>; what is null is left out.
export function facts(list, pairs, kind = {}) {
  const rows = Object.entries(pairs).filter(([, value]) => value != null && value !== "");
  fill(
    list,
    ...rows.map(([name, value]) =>
      element("div", { class: kind[name] }, element("dt", {}, name), element("dd", {}, value)),
    ),
  );
}

export const keyed = (key) => document.querySelector(`[data-key="${CSS.escape(key)}"]`);

// Draw anew and keep the keyboard's place: elements that come again carry the same data-key. Where
// one does not, its row's others are next, then the row that took its place.
export function redraw(parent, ...children) {
  const held = document.activeElement;
  const rows = [...parent.children];
  const at = rows.findIndex((row) => row.contains(held));
  const keys = at < 0 ? [] : [held, ...rows[at].querySelectorAll("[data-key]")].map((each) => each.dataset.key);
  fill(parent, ...children);
  if (at < 0) return;
  const same = keys.filter(Boolean).map(keyed).find(Boolean);
  const near = parent.children[Math.min(at, parent.children.length - 1)]?.querySelector("button[data-key]");
  (same ?? near ?? parent.closest("[tabindex]")).focus();
}

// One that cannot be pressed keeps the keyboard's place: it is not disabled, and does nothing.
export function enable(button, able) {
  button.setAttribute("aria-disabled", !able);
}

export const enabled = (button) => button.getAttribute("aria-disabled") !== "true";

export function statePill(state) {
  return element("span", { class: "state", "data-state": state }, state);
}
