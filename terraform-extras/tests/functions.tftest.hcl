# The functions: who calls them, as what they run, what they are told.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  redis_kind = "replicated"
  store_url  = null
}

run "functions_are_called_by_alias_in_roles_of_their_own" {
  command = apply

  variables {
    warmer    = true
    functions = {}
    settings  = { QUEUE_LENGTH = "500" }
    # What the stage's own file says is its own.
    api_key_jwks = null
  }

  assert {
    condition     = alltrue([for one in values(local.functions) : one.publish])
    error_message = "Every function has numbered versions."
  }
  assert {
    condition     = toset(keys(aws_lambda_alias.live)) == toset(["api_handler", "jwt_authorizer", "tick"]) && alltrue([for alias in values(aws_lambda_alias.live) : alias.name == "live" && alias.function_version == "7"])
    error_message = "Every function's alias live names its newest version."
  }
  assert {
    condition     = length(regexall("function:mock:live/invocations", aws_api_gateway_rest_api.rest_api.body)) > 1 && !strcontains(aws_api_gateway_rest_api.rest_api.body, "function:mock/invocations")
    error_message = "The gateway calls aliases only."
  }
  assert {
    condition     = aws_cloudwatch_event_target.tick-event.arn == aws_lambda_alias.live["tick"].arn && aws_cloudwatch_event_target.warmer[0].arn == aws_lambda_alias.live["api_handler"].arn
    error_message = "Schedules call aliases."
  }
  assert {
    condition     = alltrue([for one in [aws_lambda_permission.rest_api_invoke, aws_lambda_permission.jwt_authorizer_invoke, aws_lambda_permission.tick-event, aws_lambda_permission.warmer[0]] : one.qualifier == "live" && one.action == "lambda:InvokeFunction"])
    error_message = "A permission of the function is none of its alias."
  }
  assert {
    condition     = aws_lambda_permission.rest_api_invoke.source_arn == "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/*" && aws_lambda_permission.jwt_authorizer_invoke.source_arn == "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/authorizers/*"
    error_message = "This API may call the functions, and no other."
  }
  assert {
    condition     = aws_lambda_permission.tick-event.source_arn == aws_cloudwatch_event_rule.tick-event.arn && aws_lambda_permission.warmer[0].source_arn == aws_cloudwatch_event_rule.warmer[0].arn
    error_message = "These schedules may call the functions, and no other."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_target.warmer[0].input).httpMethod == "GET" && jsondecode(aws_cloudwatch_event_target.warmer[0].input).path == "/health"
    error_message = "The warmer asks as the gateway would."
  }
  assert {
    condition     = aws_lambda_function_event_invoke_config.tick.qualifier == "live" && aws_lambda_function_event_invoke_config.tick.maximum_retry_attempts == 1 && aws_lambda_function_event_invoke_config.warmer[0].maximum_retry_attempts == 0
    error_message = "A lost tick is tried once more, a lost warming call never."
  }
  assert {
    condition     = aws_lambda_function.tick.dead_letter_config[0].target_arn == aws_sqs_queue.dead_letters.arn && aws_sqs_queue.dead_letters.sqs_managed_sse_enabled
    error_message = "A tick that fails for good lies in the dead letters."
  }
  assert {
    condition = alltrue([
      for key, one in local.functions :
      one.logging_config[0].log_format == "JSON" && one.logging_config[0].log_group == "/aws/lambda/${one.function_name}" &&
      aws_cloudwatch_log_group.function[key].retention_in_days == var.log_retention_days && one.tracing_config[0].mode == "Active"
    ])
    error_message = "Every function logs JSON to a group of its own that is kept for a time, and is traced."
  }
  assert {
    condition = alltrue([
      for key, one in local.functions :
      one.timeout == var.functions[key].timeout && one.memory_size == var.functions[key].memory && one.architectures == tolist([var.architecture]) && one.runtime == "python3.13"
    ])
    error_message = "Timeout, memory and processor are the variables'."
  }
  assert {
    condition = toset(keys(aws_lambda_function.api_handler.environment[0].variables)) == toset(concat(
      formatlist("TINYLLAMA_%s", ["ENV", "LOG_LEVEL", "APP_NAME", "STORE_URL", "STORE_SIGN_IN", "STORE_REPLICAS", "QUEUE_LENGTH"]),
      var.cors_origin == null ? [] : ["TINYLLAMA_CORS_ORIGIN"],
    ))
    error_message = "The API is told what it needs and no more: ${join(" ", keys(aws_lambda_function.api_handler.environment[0].variables))}"
  }
  assert {
    condition     = toset(keys(aws_lambda_function.tick.environment[0].variables)) == toset(formatlist("TINYLLAMA_%s", ["ENV", "LOG_LEVEL", "APP_NAME", "STORE_URL", "STORE_SIGN_IN", "STORE_REPLICAS", "QUEUE_LENGTH"]))
    error_message = "The tick is told what it needs and no more: ${join(" ", keys(aws_lambda_function.tick.environment[0].variables))}"
  }
  assert {
    condition = toset(keys(aws_lambda_function.jwt_authorizer.environment[0].variables)) == toset(concat(
      formatlist("TINYLLAMA_%s", ["ENV", "LOG_LEVEL", "APP_NAME", "ISSUER", "AUDIENCE", "SCOPE_PREFIX", "TENANT_CLAIM"]),
      var.cors_origin == null ? [] : ["TINYLLAMA_CORS_ORIGIN"],
      local.jwks == null ? [] : ["TINYLLAMA_JWKS"],
    ))
    error_message = "The authorizer is told what it needs and no more: ${join(" ", keys(aws_lambda_function.jwt_authorizer.environment[0].variables))}"
  }
  assert {
    condition     = alltrue([for one in values(local.functions) : one.environment[0].variables["TINYLLAMA_ENV"] == var.stage])
    error_message = "Every function knows its stage."
  }
  assert {
    condition     = alltrue(flatten([for one in values(local.functions) : [for name in keys(one.environment[0].variables) : !can(regex("SECRET|PASSWORD|PRIVATE|API_KEY|_TOKEN", name))]]))
    error_message = "No secret lies in a function's settings."
  }
  assert {
    condition     = aws_lambda_function.api_handler.environment[0].variables["TINYLLAMA_QUEUE_LENGTH"] == "500"
    error_message = "Other settings reach the API."
  }
  assert {
    condition     = length(aws_lambda_provisioned_concurrency_config.live) == 0 && aws_lambda_function.api_handler.reserved_concurrent_executions == null
    error_message = "Nothing is provisioned or reserved unless asked for."
  }
  assert {
    condition     = [aws_lambda_function.api_handler.role, aws_lambda_function.jwt_authorizer.role, aws_lambda_function.tick.role] == [for key in ["api_handler", "jwt_authorizer", "tick"] : "arn:aws:iam::123456789012:role/tinyllama-${var.stage}-${key}"]
    error_message = "Each function runs in a role of its own."
  }
  assert {
    condition = alltrue([
      for key, policy in local.policies : [for one in jsondecode(policy).Statement : one.Resource if contains(flatten([one.Action]), "logs:PutLogEvents")] == [
        "arn:aws:logs:${var.region}:123456789012:log-group:/aws/lambda/${local.function_names[key]}:*"
      ]
    ])
    error_message = "A function writes to its own log group only."
  }
  assert {
    condition     = [for key, policy in local.policies : key if strcontains(policy, "ssm:")] == ["jwt_authorizer"]
    error_message = "Only the authorizer reads Parameter Store."
  }
  assert {
    condition = [for one in jsondecode(aws_iam_role_policy.jwt_authorizer_role.policy).Statement : one if strcontains(jsonencode(one.Action), "ssm:")] == [{
      Effect   = "Allow"
      Action   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
      Resource = ["arn:aws:ssm:${var.region}:123456789012:parameter/tinyllama/${var.stage}", "arn:aws:ssm:${var.region}:123456789012:parameter/tinyllama/${var.stage}/*"]
    }]
    error_message = "It only reads, and only this stage's: never the operator's key."
  }
  assert {
    condition     = [for one in jsondecode(aws_iam_role_policy.jwt_authorizer_role.policy).Statement : one.Action if one.Effect == "Deny"] == [["kms:Decrypt"]]
    error_message = "Secrets lie beside the ids; whoever is called by the world reads none."
  }
  assert {
    condition     = [for key, policy in local.policies : key if strcontains(policy, "ec2:")] == ["api_handler", "tick"]
    error_message = "Functions inside the VPC have network interfaces, the authorizer none."
  }
  assert {
    condition     = [for one in jsondecode(aws_iam_role_policy.api_handler_role.policy).Statement : one.Condition.ArnEquals["lambda:SourceFunctionArn"] if one.Effect == "Deny"] == ["arn:aws:lambda:${var.region}:123456789012:function:tinyllama-${var.stage}"]
    error_message = "Code in the function cannot touch network interfaces."
  }
  assert {
    condition     = [for key, policy in local.policies : key if strcontains(policy, "sqs:SendMessage")] == ["tick"] && strcontains(aws_iam_role_policy.tick_role.policy, "\"arn:aws:sqs:${var.region}:123456789012:tinyllama-${var.stage}-dead-letters\"")
    error_message = "The tick alone writes dead letters."
  }
}

run "concurrency_on_request" {
  command = plan

  variables {
    warmer    = false
    log_level = "ERROR"
    functions = {
      api_handler    = { memory = 512, reserved_concurrency = 50, provisioned_concurrency = 2 }
      jwt_authorizer = { provisioned_concurrency = 1 }
    }
  }

  assert {
    condition     = aws_lambda_function.api_handler.reserved_concurrent_executions == 50 && aws_lambda_function.api_handler.memory_size == 512 && aws_lambda_function.api_handler.timeout == 40
    error_message = "What is named changes, the rest stays."
  }
  assert {
    condition     = { for key, one in aws_lambda_provisioned_concurrency_config.live : key => "${one.qualifier} ${one.provisioned_concurrent_executions}" } == { api_handler = "live 2", jwt_authorizer = "live 1" }
    error_message = "The alias's instances are kept warm."
  }
  assert {
    condition     = alltrue([for one in values(local.functions) : one.logging_config[0].application_log_level == "INFO" && one.environment[0].variables["TINYLLAMA_LOG_LEVEL"] == "ERROR"])
    error_message = "The code logs less; Lambda drops nothing, for metrics are lines without a level."
  }
  assert {
    condition     = length(aws_cloudwatch_event_rule.warmer) == 0 && length(aws_lambda_permission.warmer) == 0
    error_message = "The warmer can be switched off."
  }
}

run "api_and_authorizer_read_api_keys_with_the_stages_public_keys" {
  command = plan

  variables {
    api_key_jwks = { keys = [
      { kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" },
      { kty = "OKP", crv = "Ed25519", x = "22qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid = "lPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", alg = "EdDSA", use = "sig" },
    ] }
  }

  assert {
    condition     = jsondecode(aws_lambda_function.api_handler.environment[0].variables["TINYLLAMA_KEY_JWKS"]).keys[*].kid == ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "lPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"]
    error_message = "Both keys are read while one replaces the other."
  }
  assert {
    condition     = toset(keys(jsondecode(aws_lambda_function.api_handler.environment[0].variables["TINYLLAMA_KEY_JWKS"]).keys[0])) == toset(["kty", "crv", "x", "kid", "alg", "use"])
    error_message = "They hold what a public key has and no more."
  }
  assert {
    condition     = aws_lambda_function.jwt_authorizer.environment[0].variables["TINYLLAMA_KEY_JWKS"] == aws_lambda_function.api_handler.environment[0].variables["TINYLLAMA_KEY_JWKS"]
    error_message = "The authorizer reads with the same keys as the API."
  }
  assert {
    condition     = !contains(keys(aws_lambda_function.tick.environment[0].variables), "TINYLLAMA_KEY_JWKS")
    error_message = "The tick reads no API keys."
  }
}
