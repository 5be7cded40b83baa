# What emulator_override.tf needs to know; an override cannot declare variables.

variable "emulator_url" {
  description = "Where the emulator listens."
  type        = string
}

variable "emulator_store" {
  description = "Host and port of the suite's own store, on TLS."
  type        = string
}
