// Doing a thing again and again, gently: one at a time, and only while somebody can see the page.

import { pause } from "./troubles.js";

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

// Returns what stops it. *deed* gets a signal, aborted then.
export function repeat(seconds, deed) {
  const control = new AbortController();
  (async () => {
    while (!control.signal.aborted) {
      await visible();
      if (control.signal.aborted) return;
      await deed(control.signal);
      await pause(seconds, control.signal);
    }
  })().catch((error) => {
    if (!control.signal.aborted) throw error;
  });
  return () => control.abort();
}
