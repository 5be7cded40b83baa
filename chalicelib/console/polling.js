// Doing a thing again and again, gently: one at a time, and only while somebody can see the page.

import { mended, pause, trouble } from "./troubles.js";

const visible = () =>
  new Promise((resolve) => {
    const look = () => {
      if (document.visibilityState !== "visible") return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    look();
  });

// Returns what stops it. *deed* gets a signal, aborted then; *seconds* tells the pause after each.
export function repeat(seconds, deed) {
  const control = new AbortController();
  const call = Symbol("repeat");
  (async () => {
    while (!control.signal.aborted) {
      await visible();
      if (control.signal.aborted) return;
      try {
        await deed(control.signal);
        mended(call);
      } catch (error) {
        if (control.signal.aborted) return;
        // An answer that nobody foresaw must not end the view.
        trouble(call, `An answer was not understood (${error.message}), asking again…`);
      }
      await pause(seconds(), control.signal);
    }
  })().catch(() => mended(call)); // stopped in its pause
  return () => control.abort();
}
