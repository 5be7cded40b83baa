// What is told of a job beside its text: timings, tokens, engine.

import { CURES } from "./cures.js";
import { facts } from "./elements.js";
import { noWorker } from "./health.js";
import { many, moment, span } from "./words.js";

export function showFacts(list, job, all = false) {
  const { result, usage, timings } = job;
  const seconds = timings.run_ms / 1000;
  const told = {
    Waited: span(timings.queued_ms),
    "First token": span(timings.first_token_ms),
    Ran: span(timings.run_ms),
    "Tokens read": usage && String(usage.prompt_tokens),
    "Tokens written": usage && String(usage.completion_tokens),
    Speed: usage && seconds ? `${(usage.completion_tokens / seconds).toFixed(1)} tokens/s` : null,
    Model: result?.model ?? (all ? job.model : null),
    Engine: result && (result.engine === "echo" ? "echo (a stand-in, no model)" : result.engine),
    "Ended by": result?.finish_reason,
  };
  const more = {
    Attempt: `${job.attempt} of ${job.max_attempts}`,
    Priority: job.priority,
    Made: moment(job.created_at),
    Started: moment(job.started_at),
    Ended: moment(job.ended_at),
    Deadline: moment(job.deadline_at),
    "Tried again": moment(job.retry_at),
    Metadata: job.metadata && JSON.stringify(job.metadata),
  };
  facts(list, all ? { ...told, ...more } : told, { Metadata: "whole" });
}

// Where a job stands, in a sentence.
export function standing(job) {
  if (job.state === "failed") return `It failed with ${job.error.code}: ${job.error.detail}. ${CURES[job.error.code] ?? ""}`.trim();
  if (job.state === "expired") return `Its deadline came first. ${CURES.deadline_exceeded}`;
  if (job.state === "cancelled") return "It was cancelled.";
  if (job.state === "succeeded") return `Done in ${span(job.timings.queued_ms + job.timings.run_ms)}.`;
  if (job.cancel_requested) return "Stopping: its worker has been asked…";
  if (job.state === "running") return `Attempt ${job.attempt} is running.`;
  if (job.retry_at) return `Attempt ${job.attempt} failed; the next begins at ${moment(job.retry_at)}.`;
  const lack = noWorker() ? " No worker is live: it begins once there is one." : "";
  if (job.position == null) return `Waiting…${lack}`;
  const place = job.position ? `${many(job.position, "job")} before it` : "next in line";
  return `Waiting: ${place}.${lack}`;
}
