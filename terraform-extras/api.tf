# The gateway's stage: its logs, its limits, its name in the world.

variable "throttling" {
  description = "Calls a second that the gateway lets through, over all callers, and how many at once beyond that."
  type = object({
    rate  = optional(number, 50)
    burst = optional(number, 100)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttling.rate > 0 && var.throttling.burst > 0 && floor(var.throttling.burst) == var.throttling.burst
    error_message = "throttling.rate is above 0, throttling.burst a whole number above 0."
  }
}

variable "domain" {
  description = "A domain of your own for the API, null for none: its name, and either the certificate's ARN (same region) or the Route 53 zone in which certificate and address are made. base_path puts the API below https://<name>/<base_path>; default_endpoint false closes the execute-api address."
  type = object({
    name             = string
    certificate_arn  = optional(string)
    zone_id          = optional(string)
    base_path        = optional(string)
    default_endpoint = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain.name))
    error_message = "domain.name is a host in lower case, api.example.org say."
  }

  validation {
    condition     = var.domain == null || try(var.domain.certificate_arn != null || var.domain.zone_id != null, false)
    error_message = "domain needs certificate_arn, or zone_id to make a certificate in."
  }

  validation {
    condition     = var.domain == null || try(var.domain.base_path == null || can(regex("^[A-Za-z0-9._-]+$", var.domain.base_path)), false)
    error_message = "domain.base_path is one part of a path, without slashes; leave it out for none."
  }
}

locals {
  domains              = var.domain == null ? 0 : 1
  certificates         = try(var.domain.certificate_arn == null, false) ? 1 : 0
  records              = try(var.domain.zone_id != null, false) ? 1 : 0
  base_path            = try(var.domain.base_path, null)
  default_endpoint_off = try(!var.domain.default_endpoint, false)

  endpoint_url = (
    local.domains == 1
    ? join("/", compact(["https://${try(var.domain.name, "")}", local.base_path]))
    : aws_api_gateway_stage.rest_api.invoke_url
  )
}

resource "aws_api_gateway_stage" "rest_api" {
  rest_api_id          = aws_api_gateway_rest_api.rest_api.id
  deployment_id        = aws_api_gateway_deployment.rest_api.id
  stage_name           = var.stage
  xray_tracing_enabled = true

  # No header, no query string: those may hold a token. The reason is the authorizer's own word.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format = jsonencode({
      requestId         = "$context.requestId"
      traceId           = "$context.xrayTraceId"
      time              = "$context.requestTime"
      sourceIp          = "$context.identity.sourceIp"
      method            = "$context.httpMethod"
      path              = "$context.path"
      resource          = "$context.resourcePath"
      status            = "$context.status"
      responseType      = "$context.error.responseType"
      responseBytes     = "$context.responseLength"
      latencyMs         = "$context.responseLatency"
      integrationMs     = "$context.integrationLatency"
      integrationStatus = "$context.integration.status"
      integrationError  = "$context.integration.error"
      authorizerMs      = "$context.authorizer.latency"
      authorizerStatus  = "$context.authorizer.status"
      authorizerError   = "$context.authorizer.error"
      authorizerReason  = "$context.authorizer.reason"
      principal         = "$context.authorizer.principalId"
      tenant            = "$context.authorizer.tenant"
    })
  }

  # That the gateway may write logs at all is bootstrap's doing: one role for account and region.
  depends_on = [aws_cloudwatch_log_group.execution]
}

resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = aws_api_gateway_rest_api.rest_api.id
  stage_name  = aws_api_gateway_stage.rest_api.stage_name
  method_path = "*/*"

  settings {
    metrics_enabled        = true
    logging_level          = "ERROR"
    data_trace_enabled     = false # It would log prompts and tokens.
    throttling_rate_limit  = var.throttling.rate
    throttling_burst_limit = var.throttling.burst
  }
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "${local.ssm_prefix}/access"
  retention_in_days = var.log_retention_days
}

# The gateway would make it itself, and keep it for ever.
resource "aws_cloudwatch_log_group" "execution" {
  name              = "API-Gateway-Execution-Logs_${aws_api_gateway_rest_api.rest_api.id}/${var.stage}"
  retention_in_days = var.log_retention_days
}

resource "aws_acm_certificate" "api" {
  count             = local.certificates
  domain_name       = var.domain.name
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  count           = local.certificates
  zone_id         = var.domain.zone_id
  name            = tolist(aws_acm_certificate.api[0].domain_validation_options)[0].resource_record_name
  type            = tolist(aws_acm_certificate.api[0].domain_validation_options)[0].resource_record_type
  records         = [tolist(aws_acm_certificate.api[0].domain_validation_options)[0].resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "api" {
  count                   = local.certificates
  certificate_arn         = aws_acm_certificate.api[0].arn
  validation_record_fqdns = aws_route53_record.validation[*].fqdn
}

resource "aws_api_gateway_domain_name" "api" {
  count                    = local.domains
  domain_name              = var.domain.name
  regional_certificate_arn = local.certificates == 1 ? aws_acm_certificate_validation.api[0].certificate_arn : var.domain.certificate_arn
  security_policy          = "TLS_1_2"

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_base_path_mapping" "api" {
  count       = local.domains
  api_id      = aws_api_gateway_rest_api.rest_api.id
  stage_name  = aws_api_gateway_stage.rest_api.stage_name
  domain_name = aws_api_gateway_domain_name.api[0].domain_name
  base_path   = local.base_path
}

resource "aws_route53_record" "api" {
  count   = local.records
  zone_id = var.domain.zone_id
  name    = var.domain.name
  type    = "A"

  alias {
    name                   = aws_api_gateway_domain_name.api[0].regional_domain_name
    zone_id                = aws_api_gateway_domain_name.api[0].regional_zone_id
    evaluate_target_health = false
  }
}
