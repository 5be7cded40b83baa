// What a view says of a call that went wrong: the problem's own words, or the scope that is missing.

import { Problem } from "./calls.js";
import { write } from "./elements.js";
import { session } from "./session.js";

function tell(place, error) {
  if (!(error instanceof Problem)) throw error;
  say(place, error.words);
}

export function say(place, words, kind = "bad") {
  place.dataset.kind = kind;
  write(place, words);
}

export const hush = (place) => say(place, "");

// Run what needs *scope*; without it, say so in words. True when it was done. What was said before is
// taken back by the same purpose's success only: a table that refreshes itself hides no refusal.
export async function within(place, scope, purpose, deed) {
  const before = place.dataset.purpose;
  if (session.lacks(scope)) {
    place.dataset.purpose = purpose;
    say(place, `This token lacks the scope ${scope}, which ${purpose} needs. Sign in with one that has it.`, "told");
    return false;
  }
  try {
    await deed();
    if (before === purpose) hush(place);
    return true;
  } catch (error) {
    if (error?.name === "AbortError") return false;
    place.dataset.purpose = purpose;
    if (!error.lacksScope) {
      tell(place, error);
      return false;
    }
    session.learnRefused(scope);
    return within(place, scope, purpose, deed);
  }
}
