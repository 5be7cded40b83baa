output "state_bucket" {
  description = "Where every stage's state lies, each under a key of its own."
  value       = aws_s3_bucket.state.bucket
}

output "lock_table" {
  description = "What lets one apply run at a time."
  value       = aws_dynamodb_table.lock.name
}
