// The four views, by the tabs pattern of WAI-ARIA: arrows move, the address remembers.

import { byId } from "./elements.js";

const tabs = [...document.querySelectorAll('[role="tab"]')];
const views = new Map(); // id → {show, hide}
let shown = null;

export const view = (id, deeds) => views.set(id, deeds);

function open(id, anew = false) {
  if (shown === id && !anew) return;
  views.get(shown)?.hide?.();
  shown = id;
  for (const tab of tabs) {
    const chosen = tab.getAttribute("aria-controls") === id;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = !chosen;
  }
  history.replaceState(null, "", `#${id}`);
  scrollTo(0, 0);
  views.get(id)?.show?.();
}

// The view that the address names, begun anew for whoever has signed in.
export function openNamed() {
  const wanted = location.hash.slice(1);
  open(views.has(wanted) ? wanted : "playground", true);
}

function move(event) {
  const here = tabs.indexOf(event.target);
  const to = {
    ArrowRight: (here + 1) % tabs.length,
    ArrowLeft: (here + tabs.length - 1) % tabs.length,
    Home: 0,
    End: tabs.length - 1,
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  open(tabs[to].getAttribute("aria-controls"));
  tabs[to].focus();
}

for (const tab of tabs) {
  tab.addEventListener("click", () => open(tab.getAttribute("aria-controls")));
  tab.addEventListener("keydown", move);
}
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
