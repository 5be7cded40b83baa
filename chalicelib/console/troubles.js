// What stands between page and router just now, told in the banner: calls that are lost or put off.

import { byId, write } from "./elements.js";

const standing = new Map(); // a call's own symbol → what is said of it
let wake = () => {};
let woken = new Promise((resolve) => (wake = resolve));

export function trouble(call, said) {
  standing.set(call, said);
  show();
}

// A call got through or was given up. With *back*, others that are lost try again at once.
export function mended(call, back = false) {
  if (standing.delete(call)) show();
  if (back && standing.size) tryAgain();
}

function show() {
  const said = [...standing.values()].at(-1) ?? "";
  write(byId("banner"), said);
}

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
