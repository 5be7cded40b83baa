# State is kept: private, encrypted, with its history, and nobody deletes it by accident.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  region = "eu-west-1"
}

run "state_is_private_encrypted_and_kept" {
  command = plan

  assert {
    condition     = aws_s3_bucket.state.bucket == "tinyllama-tfstate-123456789012-eu-west-1" && aws_dynamodb_table.lock.name == "tinyllama-tflock"
    error_message = "`tinyllama deploy` looks for these names."
  }
  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "An overwritten state can be had back."
  }
  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "State is encrypted."
  }
  assert {
    condition     = alltrue([for name in ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"] : aws_s3_bucket_public_access_block.state[name]])
    error_message = "The bucket is nobody else's."
  }
  assert {
    condition = [for statement in jsondecode(aws_s3_bucket_policy.state.policy).Statement :
      [statement.Effect, statement.Principal, statement.Action, join(" ", statement.Resource), statement.Condition.Bool["aws:SecureTransport"]]
    ] == [["Deny", "*", "s3:*", "arn:aws:s3:::tinyllama-tfstate-123456789012-eu-west-1 arn:aws:s3:::tinyllama-tfstate-123456789012-eu-west-1/*", "false"]]
    error_message = "TLS only, bucket and objects."
  }
  assert {
    condition     = aws_dynamodb_table.lock.hash_key == "LockID" && aws_dynamodb_table.lock.deletion_protection_enabled && aws_dynamodb_table.lock.point_in_time_recovery[0].enabled && aws_dynamodb_table.lock.server_side_encryption[0].enabled
    error_message = "Locks are where Terraform looks for them, and stay."
  }
}

run "the_gateway_writes_logs_by_one_role" {
  command = plan

  assert {
    condition     = aws_iam_role.gateway_logs[0].name == "tinyllama-gateway-logs-eu-west-1" && length(aws_api_gateway_account.logs) == 1
    error_message = "The role is the account's and the region's."
  }
}

run "another_role_of_the_gateway_stays" {
  command = plan

  variables {
    gateway_logs       = false
    adopt_gateway_role = true
  }

  assert {
    condition     = length(aws_api_gateway_account.logs) + length(aws_iam_role.gateway_logs) == 0
    error_message = "What the account has given is not taken away."
  }
}

run "a_key_of_ones_own_is_used" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/0123abcd-0123-0123-0123-0123456789ab"
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" && aws_dynamodb_table.lock.server_side_encryption[0].kms_key_arn == var.kms_key_arn
    error_message = "Both are encrypted with it."
  }
}

run "bad_variables_are_refused" {
  command = plan

  variables {
    region      = "Ireland"
    kms_key_arn = "alias/mine"
  }

  expect_failures = [var.region, var.kms_key_arn]
}
