output "state_bucket" {
  description = "Where every stage's state lies, each under a key of its own."
  value       = aws_s3_bucket.state.bucket
}

output "gateway_role" {
  description = "By which role API Gateway writes logs; null where the account had given another."
  value       = one(aws_iam_role.gateway_logs[*].arn)
}

output "lock_table" {
  description = "What lets one apply run at a time."
  value       = aws_dynamodb_table.lock.name
}
