# The gateway's stage, its names, and the registry.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  redis_kind = "replicated"
  store_url  = null
}

run "stage_logs_and_throttles" {
  command = apply

  variables {
    domain     = null
    throttling = { rate = 7, burst = 9 }
  }

  assert {
    condition     = aws_api_gateway_stage.rest_api.stage_name == var.stage && aws_api_gateway_stage.rest_api.xray_tracing_enabled
    error_message = "The stage has the stage's name, and is traced."
  }
  assert {
    condition     = aws_api_gateway_rest_api.rest_api.endpoint_configuration[0].types == tolist(["REGIONAL"])
    error_message = "The API is regional."
  }
  assert {
    condition     = aws_api_gateway_deployment.rest_api.triggers["body"] == sha1(aws_api_gateway_rest_api.rest_api.body)
    error_message = "Another document is another deployment."
  }
  assert {
    condition = toset(["requestId", "status", "latencyMs", "principal", "authorizerError", "authorizerReason"]) == setintersection(
      ["requestId", "status", "latencyMs", "principal", "authorizerError", "authorizerReason"],
      keys(jsondecode(aws_api_gateway_stage.rest_api.access_log_settings[0].format)),
    )
    error_message = "The access log tells who asked what, how it ended, how long it took."
  }
  assert {
    condition     = !can(regex("(?i)header|query|authorizationToken|body", aws_api_gateway_stage.rest_api.access_log_settings[0].format))
    error_message = "The access log holds no header, query string or body."
  }
  assert {
    condition = (
      aws_api_gateway_method_settings.all.settings[0].metrics_enabled && !aws_api_gateway_method_settings.all.settings[0].data_trace_enabled &&
      aws_api_gateway_method_settings.all.settings[0].throttling_rate_limit == 7 && aws_api_gateway_method_settings.all.settings[0].throttling_burst_limit == 9
    )
    error_message = "Metrics and throttling hold for every method; bodies are never traced."
  }
  assert {
    condition     = aws_cloudwatch_log_group.execution.name == "API-Gateway-Execution-Logs_abcdef1234/${var.stage}" && aws_cloudwatch_log_group.execution.retention_in_days == var.log_retention_days && aws_cloudwatch_log_group.access.retention_in_days == var.log_retention_days
    error_message = "The gateway's logs are kept for the same time."
  }
  assert {
    condition     = output.endpoint_url == aws_api_gateway_stage.rest_api.invoke_url && !aws_api_gateway_rest_api.rest_api.disable_execute_api_endpoint
    error_message = "Without a domain the API is where the gateway puts it."
  }
  assert {
    condition     = length(aws_api_gateway_domain_name.api) == 0 && length(aws_acm_certificate.api) == 0
    error_message = "No domain unless asked for."
  }
  assert {
    condition = alltrue([
      for key, one in aws_ssm_parameter.registry :
      one.name == "/tinyllama/${var.stage}/${key}" && one.type == "String" && coalesce(one.insecure_value, "") != ""
    ])
    error_message = "Every id lies at /tinyllama/<stage>/<key>, in clear."
  }
  assert {
    condition     = keys(data.aws_ssm_parameter.registry) == keys(aws_ssm_parameter.registry) && keys(output.registry) == keys(aws_ssm_parameter.registry)
    error_message = "The registry is read back, and told."
  }
  assert {
    condition     = length(setsubtract(["api_url", "vpc_id", "private_subnet_ids", "store_url", "store_sign_in", "store_replicas", "issuer", "audience", "scope_prefix"], keys(aws_ssm_parameter.registry))) == 0
    error_message = "The registry lacks an id that others look for."
  }
}

run "domain_with_a_certificate_of_your_own" {
  command = apply

  variables {
    domain = {
      name             = "api.example.org"
      certificate_arn  = "arn:aws:acm:us-east-1:123456789012:certificate/own"
      base_path        = "router"
      default_endpoint = false
    }
  }

  assert {
    condition     = aws_api_gateway_domain_name.api[0].regional_certificate_arn == "arn:aws:acm:us-east-1:123456789012:certificate/own" && aws_api_gateway_domain_name.api[0].security_policy == "TLS_1_2"
    error_message = "The domain has the certificate that was named."
  }
  assert {
    condition     = aws_api_gateway_base_path_mapping.api[0].base_path == "router" && output.endpoint_url == "https://api.example.org/router"
    error_message = "The API is below the base path."
  }
  assert {
    condition     = aws_api_gateway_rest_api.rest_api.disable_execute_api_endpoint
    error_message = "The gateway's own address is closed on request."
  }
  assert {
    condition     = length(aws_acm_certificate.api) == 0 && length(aws_route53_record.api) == 0 && length(aws_route53_record.validation) == 0
    error_message = "No certificate and no record without a zone."
  }
}

run "domain_in_a_zone_of_your_own" {
  command = apply

  variables {
    domain = { name = "api.example.org", zone_id = "Z0123456789" }
  }

  assert {
    condition     = aws_acm_certificate.api[0].validation_method == "DNS" && aws_route53_record.validation[0].name == "_mock.api.example.org"
    error_message = "The certificate is validated in the zone."
  }
  assert {
    condition     = aws_api_gateway_domain_name.api[0].regional_certificate_arn == aws_acm_certificate_validation.api[0].certificate_arn
    error_message = "The domain waits for the certificate to be valid."
  }
  assert {
    condition     = aws_route53_record.api[0].type == "A" && output.endpoint_url == "https://api.example.org"
    error_message = "The name leads to the gateway."
  }
}
