# Every id that somebody outside this folder needs, once: /tinyllama/<stage>/<key> in Parameter
# Store. Secrets are written there by `tinyllama secrets set` alone, and never come near Terraform.

locals {
  registry = merge(
    {
      api_url                     = local.endpoint_url
      rest_api_id                 = aws_api_gateway_rest_api.rest_api.id
      region                      = var.region
      vpc_id                      = local.vpc_id
      private_subnet_ids          = join(",", local.private_subnet_ids)
      function_security_group_ids = join(",", local.function_security_group_ids)
      worker_security_group_ids   = join(",", local.worker_security_group_ids)
      store_kind                  = var.redis_kind
      store_url                   = local.store_url
      store_replicas              = tostring(local.store_replicas)
      issuer                      = local.issuer
      audience                    = join(",", local.audiences)
      api_function                = local.function_names["api_handler"]
      authorizer_function         = local.function_names["jwt_authorizer"]
      tick_function               = local.function_names["tick"]
      dead_letters_url            = aws_sqs_queue.dead_letters.url
    },
    length(local.public_subnet_ids) == 0 ? {} : { public_subnet_ids = join(",", local.public_subnet_ids) },
    local.jwks == null ? {} : { jwks = local.jwks },
    # Parameter Store takes no empty value.
    local.scope_prefix == "" ? {} : { scope_prefix = local.scope_prefix },
    local.store_sign_in == null ? {} : { store_sign_in = local.store_sign_in },
    local.cognito_ids,
    local.worker_ids,
  )
}

resource "aws_ssm_parameter" "registry" {
  for_each       = local.registry
  name           = "${local.ssm_prefix}/${each.key}"
  description    = "Written by Terraform"
  type           = "String"
  insecure_value = each.value
}

data "aws_ssm_parameter" "registry" {
  for_each = aws_ssm_parameter.registry
  name     = each.value.name
}
