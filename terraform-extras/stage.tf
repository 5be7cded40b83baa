# The stage: what holds for everything in it, and who provides it.

variable "stage" {
  description = "Name of the stage: part of every name, and the <env> of /tinyllama/<env>/* parameters."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}[a-z0-9]$", var.stage)) && !strcontains(var.stage, "--")
    error_message = "The stage is 2 to 16 lower-case letters, digits and single dashes, a letter first and no dash last."
  }
}

variable "region" {
  description = "AWS region that everything lives in."
  type        = string
  default     = "us-east-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[1-9]$", var.region))
    error_message = "The region is a name such as us-east-1."
  }
}

variable "architecture" {
  description = "Processor of the functions; the package is built for the same one."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 or x86_64."
  }
}

variable "cors_origin" {
  description = "The one origin whose pages may call the API, https://app.example say; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.cors_origin == null || can(regex("^https?://[^/\\s'\"]+$", var.cors_origin))
    error_message = "The CORS origin is a scheme and a host without a path, https://app.example say."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept; one of the periods that CloudWatch knows."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition = contains([
      1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 or 400 days, or for 18 months to 10 years."
  }
}

variable "log_level" {
  description = "Least serious level that the functions log."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"], var.log_level)
    error_message = "The log level is TRACE, DEBUG, INFO, WARN, ERROR or FATAL, as Lambda names them."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete what people's accounts and jobs live in, or keep a last snapshot of it."
  type        = bool
  default     = false
  nullable    = false
}

terraform {
  required_version = ">= 1.11.0, < 2.0.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # Bucket, key, region and lock table are given by `tinyllama deploy`.
  backend "s3" {}
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Environment = var.stage
      Service     = "tinyllama"
    }
  }
}

locals {
  name       = "tinyllama-${var.stage}"
  ssm_prefix = "/tinyllama/${var.stage}"
  partition  = data.aws_partition.chalice.partition
  account_id = data.aws_caller_identity.chalice.account_id
  # Policies name resources by ARNs put together here: what the gateway or the provider answers is
  # unknown in a first plan, and an audit before the first apply would see nothing.
  arn = {
    for service in [
      "acm", "autoscaling", "cloudwatch", "cognito-idp", "dynamodb", "ec2", "ecr", "elasticache", "events", "kms",
      "lambda", "logs", "memorydb", "sns", "sqs", "ssm",
    ] : service => "arn:${local.partition}:${service}:${var.region}:${local.account_id}"
  }
}
