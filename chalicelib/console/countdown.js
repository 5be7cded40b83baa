// The time that a job still takes, counted down where nothing is announced, gone once it has passed.

import { write } from "./elements.js";
import { noWorker } from "./health.js";

export class Countdown {
  #place;
  #of = "";
  #end = 0;
  #timer = 0;

  constructor(place) {
    this.#place = place;
  }

  // An estimate holds for as long as the job stands where it stood: it is not begun again and again.
  follow(job) {
    const going = ["queued", "running"].includes(job.state) && !job.cancel_requested && !noWorker();
    if (!going || job.eta_seconds == null) return this.stop();
    const of = [job.id, job.state, job.attempt, job.position].join(" ");
    if (of === this.#of) return;
    this.stop();
    this.#of = of;
    this.#end = performance.now() + job.eta_seconds * 1000;
    this.#timer = setInterval(() => this.#show(), 1000);
    this.#show();
  }

  stop() {
    clearInterval(this.#timer);
    this.#of = "";
    write(this.#place, "");
  }

  #show() {
    const seconds = Math.round((this.#end - performance.now()) / 1000);
    if (seconds <= 0) clearInterval(this.#timer);
    const left = seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
    write(this.#place, seconds > 0 ? `About ${left} to go.` : "");
  }
}
