# What `tinyllama deploy`, `env sync` and people read after an apply.

output "endpoint_url" {
  description = "Base address of the API."
  value       = local.endpoint_url
}

output "registry" {
  description = "Every id below /tinyllama/<stage>/, as Parameter Store has it."
  value       = { for key, parameter in data.aws_ssm_parameter.registry : key => parameter.insecure_value }
}
