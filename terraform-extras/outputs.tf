# What `tinyllama deploy`, `env sync` and people read after an apply.

output "endpoint_url" {
  description = "Base address of the API."
  value       = local.endpoint_url
}

output "registry" {
  description = "Every id below /tinyllama/<stage>/, as Parameter Store has it."
  value       = { for key, parameter in data.aws_ssm_parameter.registry : key => parameter.insecure_value }
}

# Terraform drops a name that an object's type lacks: `tinyllama deploy` compares before it applies.
output "settings" {
  description = "Those settings that are objects, as Terraform understood them."
  value = {
    alarms           = var.alarms
    api_key_jwks     = var.api_key_jwks
    domain           = var.domain
    existing_network = var.existing_network
    functions        = var.functions
    github           = var.github
    login            = var.login
    throttling       = var.throttling
    worker           = var.worker
  }
}
