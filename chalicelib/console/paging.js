// A list that is read page by page, and kept fresh while its view is shown.

import { ask } from "./asking.js";
import { following } from "./calls.js";
import { byId, enable, enabled, redraw, write } from "./elements.js";
import { within } from "./notices.js";
import { repeat } from "./polling.js";
import { view } from "./tabs.js";

const LARGE = 100_000; // letters; a page of so many is not fetched often
const SECONDS = 4;

// *list* tells: path and what is asked of it (first() → the query's pairs), the answer's member, what
// draws one of it, what is said where there is none, and the longest pause while nothing changes. Its
// controls are named after *name* in the page. Returns what reads the page again at once.
export function paged(id, name, list) {
  const control = (what) => byId(`${name}-${what}`);
  let page = { query: "", first: true };
  let latest = 0; // loads are numbered: an answer that comes after a later call's is not shown
  let next = null;
  let drawn = "";
  let seconds = SECONDS;
  let stop = () => {};

  function firstPage() {
    const pairs = Object.entries(list.first()).filter(([, value]) => value);
    return { query: new URLSearchParams(pairs).toString(), first: true };
  }

  async function load(signal) {
    await within(byId(`${id}-notice`), list.scope, list.purpose, async () => {
      const here = ++latest;
      const answer = await ask("GET", `${list.path}?${page.query}`, { signal });
      if (here === latest) show(answer);
    });
    list.shown?.(Boolean(drawn));
  }

  function show(answer) {
    const found = answer.body[list.member];
    next = following(answer);
    enable(control("next"), next !== null);
    enable(control("first"), !page.first);
    const now = JSON.stringify(found);
    const calm = now === drawn || now.length > LARGE;
    seconds = calm ? Math.min(seconds * 2, list.slowest) : SECONDS;
    if (now === drawn) return;
    drawn = now;
    redraw(control("rows"), ...found.map(list.draw));
    control("empty").hidden = found.length > 0;
    write(control("empty"), next ? "Nothing on this page; go on to the next." : list.nothing);
  }

  function turnTo(there) {
    page = there;
    next = null; // that of the page before leads elsewhere
    enable(control("next"), false);
    return load();
  }

  control("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    turnTo(firstPage());
  });
  control("first").addEventListener("click", () => enabled(control("first")) && turnTo(firstPage()));
  control("next").addEventListener("click", () => next && turnTo({ query: next, first: false }));
  control("refresh").addEventListener("click", () => load());
  view(id, {
    show() {
      if (!page.query) page = firstPage();
      seconds = SECONDS;
      stop = repeat(() => seconds, load);
    },
    hide: () => stop(),
  });
  return load;
}
