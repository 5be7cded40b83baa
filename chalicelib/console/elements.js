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

// Draw anew and keep the keyboard's place: elements that come again carry the same data-key.
export function redraw(parent, ...children) {
  const key = parent.contains(document.activeElement) && document.activeElement.dataset.key;
  fill(parent, ...children);
  if (!key) return;
  const same = parent.querySelector(`[data-key="${CSS.escape(key)}"]`);
  (same ?? parent.querySelector("[data-key]") ?? parent.closest("[tabindex]"))?.focus();
}

// One that cannot be pressed keeps the keyboard's place: it is not disabled, and does nothing.
export function enable(button, able) {
  button.setAttribute("aria-disabled", !able);
}

export const enabled = (button) => button.getAttribute("aria-disabled") !== "true";

export function statePill(state) {
  return element("span", { class: "state", "data-state": state }, state);
}
