variable "region" {
  description = "AWS region of state and locks: that of the stages."
  type        = string
  default     = "us-east-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[1-9]$", var.region))
    error_message = "The region is a name such as us-east-1."
  }
}

variable "kms_key_arn" {
  description = "A key of your own for state and locks; null for Amazon's, which cost nothing."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a key."
  }
}

variable "adopt_bucket" {
  description = "The bucket is there already and unknown to this state: take it over. `make bootstrap` looks."
  type        = bool
  default     = false
  nullable    = false
}

variable "adopt_lock_table" {
  description = "The lock table is there already and unknown to this state: take it over. `make bootstrap` looks."
  type        = bool
  default     = false
  nullable    = false
}
