// What helps where a job failed, by its error's code: as tinyllama/cures.py has it.

export const CURES = {
  engine_unavailable: "The operator looks whether it runs where TINYLLAMA_ENGINE_URL says, and at its log.",
  engine_rate_limited: "Send less at once. The operator gives it more room, or the worker fewer slots.",
  engine_refused: "Read what it answered. Name a model that it has (tinyllama models and GET /v1/models list them), or send less. The operator finds its reason in its own log.",
  engine_timeout: "Ask for less, or try later. The operator raises TINYLLAMA_ENGINE_TIMEOUT_SECONDS.",
  engine_interrupted: "Run the job again. If it stays, the operator looks at the server's log and memory.",
  engine_garbage: "The operator checks TINYLLAMA_ENGINE_URL: it mostly ends in /v1.",
  result_too_large: "Set max_tokens (--max-tokens), or ask for less at a time.",
  router_outdated: "The operator upgrades the API; then run the job again.",
  attempts_exhausted: "The operator looks why in the workers' logs; then the job can run again.",
  deadline_exceeded: "Give it more: deadline_seconds, or --deadline. If jobs wait for long, the operator adds workers.",
  worker_error: "The operator finds the place in the worker's log (job.crashed): report it.",
};
