// What stands between page and router just now, told in the banner: calls that are lost or put off.

import { byId, write } from "./elements.js";

const standing = new Map(); // a call's own symbol → {said, lost}
const listeners = [];
let wake = () => {};
let woken = new Promise((resolve) => (wake = resolve));

// *lost* where nothing answers at all.
export function trouble(call, said, lost = false) {
  standing.set(call, { said, lost });
  show();
}

// A call got through or was given up. With *back*, others that are lost try again at once.
export function mended(call, back = false) {
  if (standing.delete(call)) show();
  if (back && standing.size) tryAgain();
}

function show() {
  const told = [...standing.values()];
  write(byId("banner"), told.at(-1)?.said ?? "");
  const lost = told.some((each) => each.lost);
  for (const hear of listeners) hear(lost);
}

// *hear* is told whether any call is lost just now.
export const onLost = (hear) => listeners.push(hear);

function tryAgain() {
  wake();
  woken = new Promise((resolve) => (wake = resolve));
}

addEventListener("online", tryAgain);

// Resolves after *seconds*; with *early*, sooner when the connection is known to be back.
export function pause(seconds, signal, early = false) {
  return new Promise((resolve, reject) => {
    const gone = () => reject(signal.reason);
    if (signal?.aborted) return gone();
    const timer = setTimeout(done, seconds * 1000);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", gone);
      resolve();
    }
    signal?.addEventListener("abort", () => (clearTimeout(timer), gone()), { once: true });
    if (early) woken.then(done);
  });
}
