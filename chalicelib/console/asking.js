// Calls that go on until there is an answer. Each may be repeated: by its key, token or version it
// changes nothing twice.

import { Lost, once, Problem } from "./calls.js";
import { session } from "./session.js";
import { signInAgain } from "./sign_in.js";
import { mended, pause, trouble } from "./troubles.js";

const MOST_FAULTS = 5;
const MOST_PAUSE_SECONDS = 60; // who is to come back later than that is told so, and decides

// As once, but through lost connections, full queues, expired tokens and, where it only looks, a few
// faults of the router's.
export async function ask(method, path, options = {}) {
  const call = Symbol(path);
  let lost = 0;
  let faults = 0;
  try {
    for (;;) {
      const { token } = session;
      try {
        const answer = await once(method, path, options);
        mended(call, true);
        return answer;
      } catch (error) {
        if (error instanceof Lost) {
          trouble(call, "Connection lost, trying again…", true);
          await pause(backoff(lost++), options.signal, true);
        } else if (!(error instanceof Problem)) {
          throw error;
        } else if (method === "GET" && error.status === 500 && faults < MOST_FAULTS) {
          trouble(call, "The router failed, trying again…");
          await pause(backoff(faults++), options.signal);
        } else if ((error.refusesToken || error.lacksScope) && token !== session.token) {
          continue; // it was the old token's: somebody has signed in since
        } else if (error.refusesToken) {
          mended(call, true);
          await signInAgain(error, options.signal);
        } else {
          await putOff(call, error, options.signal);
        }
      }
    }
  } finally {
    mended(call);
  }
}

function backoff(times) {
  return Math.min(2 ** times, 15) * (0.75 + Math.random() / 2);
}

async function putOff(call, problem, signal) {
  const seconds = problem.retryAfter ?? 5;
  if (!problem.passes || seconds > MOST_PAUSE_SECONDS) {
    throw problem;
  }
  trouble(call, `${problem.title}. Trying again in ${seconds} s…`);
  await pause(seconds, signal);
}
