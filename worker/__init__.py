"""The worker: claims jobs, runs the model, records the outcome."""
