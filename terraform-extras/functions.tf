# What surrounds the three functions that Chalice writes; chalice_override.tf joins both.

variable "functions" {
  description = "Per function: timeout in seconds, memory in MB, and how many run at once at most (reserved) or stay warm (provisioned), both unset by default. The API waits up to 25 s for an answer, and an alarm sounds at 83 % of the timeout."
  type = object({
    api_handler = optional(object({
      timeout                 = optional(number, 40)
      memory                  = optional(number, 256)
      reserved_concurrency    = optional(number)
      provisioned_concurrency = optional(number)
    }), {})
    jwt_authorizer = optional(object({
      timeout                 = optional(number, 10)
      memory                  = optional(number, 256)
      reserved_concurrency    = optional(number)
      provisioned_concurrency = optional(number)
    }), {})
    tick = optional(object({
      timeout                 = optional(number, 60)
      memory                  = optional(number, 256)
      reserved_concurrency    = optional(number)
      provisioned_concurrency = optional(number)
    }), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for one in values(var.functions) : one.timeout >= 1 && one.timeout <= 900 && floor(one.timeout) == one.timeout])
    error_message = "A function's timeout is 1 to 900 whole seconds."
  }

  validation {
    condition     = var.functions.api_handler.timeout >= 31
    error_message = "The API's timeout is at least 31 s: it waits up to 25 s, which must stay below 83 % of it."
  }

  validation {
    condition     = alltrue([for one in values(var.functions) : one.memory >= 128 && one.memory <= 10240 && floor(one.memory) == one.memory])
    error_message = "A function's memory is 128 to 10240 whole MB."
  }

  validation {
    condition = alltrue([
      for one in values(var.functions) :
      coalesce(one.provisioned_concurrency, 1) >= 1 && coalesce(one.reserved_concurrency, 0) >= 0 &&
      (one.reserved_concurrency == null || coalesce(one.provisioned_concurrency, 0) <= coalesce(one.reserved_concurrency, 0))
    ])
    error_message = "provisioned_concurrency is 1 or more and no more than reserved_concurrency; leave both out for none."
  }
}

variable "warmer" {
  description = "Call the API every five minutes, so that one instance is always warm."
  type        = bool
  default     = true
  nullable    = false
}

variable "tenant_claim" {
  description = "The token's claim that names the tenant; never one that users can write."
  type        = string
  default     = "sub"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_:.-]+$", var.tenant_claim))
    error_message = "tenant_claim is the name of a claim, sub say."
  }
}

variable "settings" {
  description = "Other settings of API and tick without their prefix TINYLLAMA_, as docs and chalicelib/settings.py name them: QUEUE_LENGTH, RATE_PER_MINUTE, LEASE_SECONDS. Everybody who may read a function's configuration reads them: no secrets."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "A setting's name is in capitals, QUEUE_LENGTH say."
  }

  validation {
    condition = length(setintersection(keys(var.settings), [
      "ENV", "STORE_URL", "STORE_SIGN_IN", "STORE_REPLICAS", "ISSUER", "AUDIENCE", "JWKS", "KEY_JWKS",
      "SCOPE_PREFIX", "TENANT_CLAIM", "GROUP_SCOPES", "GROUPS_CLAIM", "CORS_ORIGIN", "LOG_LEVEL", "APP_NAME",
    ])) == 0
    error_message = "A setting that Terraform gives itself (ENV, STORE_*, ISSUER, AUDIENCE, JWKS, KEY_JWKS, SCOPE_PREFIX, TENANT_CLAIM, GROUP_SCOPES, GROUPS_CLAIM, CORS_ORIGIN, LOG_LEVEL, APP_NAME) has a variable of its own."
  }

  validation {
    condition     = !anytrue([for name in keys(var.settings) : can(regex("SECRET|PASSWORD|TOKEN|API_KEY|PRIVATE", name))])
    error_message = "A secret is no setting: write it with `tinyllama secrets set`."
  }
}

locals {
  function_names = {
    api_handler    = local.name
    jwt_authorizer = "${local.name}-jwt_authorizer"
    tick           = "${local.name}-tick"
  }
  functions = {
    api_handler    = aws_lambda_function.api_handler
    jwt_authorizer = aws_lambda_function.jwt_authorizer
    tick           = aws_lambda_function.tick
  }
  function_arns = { for key, name in local.function_names : key => "${local.arn.lambda}:function:${name}" }

  environment = {
    for key in keys(local.function_names) : key => {
      for name, value in merge(local.common_settings, local.own_settings[key]) : "TINYLLAMA_${name}" => value
    }
  }
  # The code keeps to log_level by itself. To Lambda a line without a level is INFO, the tick's metrics
  # are such lines, and the alarms live on them: its own filter may not be stricter.
  lambda_log_level = contains(["TRACE", "DEBUG"], var.log_level) ? var.log_level : "INFO"
  common_settings  = { ENV = var.stage, LOG_LEVEL = var.log_level, APP_NAME = "tinyllama" }
  cors_settings    = var.cors_origin == null ? {} : { CORS_ORIGIN = var.cors_origin }
  store_settings = merge(
    { STORE_REPLICAS = tostring(local.store_replicas) },
    local.store_sign_in == null ? {} : { STORE_SIGN_IN = local.store_sign_in },
  )
  own_settings = {
    api_handler = merge(var.settings, local.store_settings, local.cors_settings, local.key_settings, {
      STORE_URL = local.store_urls["api_handler"]
    })
    jwt_authorizer = merge(local.cors_settings, local.key_settings, local.group_settings, local.jwks == null ? {} : { JWKS = local.jwks }, {
      ISSUER       = local.issuer
      AUDIENCE     = join(",", local.audiences)
      SCOPE_PREFIX = local.scope_prefix
      TENANT_CLAIM = var.tenant_claim
    })
    tick = merge(var.settings, local.store_settings, { STORE_URL = local.store_urls["tick"] })
  }

  # One statement a need; which function has which is said below.
  allow_logs = {
    for key, name in local.function_names : key => [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${local.arn.logs}:log-group:/aws/lambda/${name}:*"
    }]
  }
  # X-Ray knows no resources for these.
  allow_traces = [{
    Effect   = "Allow"
    Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    Resource = "*"
  }]
  # Lambda itself makes a function's network interfaces, in the function's role, and asks for these
  # six on everything (Lambda Developer Guide, "Giving Lambda functions access to resources in an
  # Amazon VPC"). The same page's second statement takes them away from the code in the function.
  allow_network = {
    for key, arn in local.function_arns : key => [
      {
        Effect   = "Allow"
        Action   = local.network_actions
        Resource = "*"
      },
      {
        Effect    = "Deny"
        Action    = local.network_actions
        Resource  = "*"
        Condition = { ArnEquals = { "lambda:SourceFunctionArn" = arn } }
      },
    ]
  }
  network_actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ]
  allow_store = {
    for key, arns in local.store_connect_arns : key => [
      for action in compact([local.store_connect_action]) : { Effect = "Allow", Action = [action], Resource = arns }
    ]
  }
  allow_registry = [{
    Effect = "Allow"
    Action = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
    Resource = [
      "${local.arn.ssm}:parameter${local.ssm_prefix}",
      "${local.arn.ssm}:parameter${local.ssm_prefix}/*",
    ]
  }]
  # It asks for ids. Amazon's key of Parameter Store lets everybody in the account decrypt by it.
  deny_secrets = [{
    Effect    = "Deny"
    Action    = ["kms:Decrypt"]
    Resource  = "*"
    Condition = { StringEquals = { "kms:ViaService" = "ssm.${var.region}.amazonaws.com" } }
  }]
  allow_dead_letters = [{
    Effect   = "Allow"
    Action   = ["sqs:SendMessage"]
    Resource = "${local.arn.sqs}:${local.dead_letters}"
  }]

  policies = {
    api_handler = jsonencode({ Version = "2012-10-17", Statement = concat(
      local.allow_logs["api_handler"], local.allow_traces, local.allow_network["api_handler"], local.allow_store["api_handler"],
    ) })
    jwt_authorizer = jsonencode({ Version = "2012-10-17", Statement = concat(
      local.allow_logs["jwt_authorizer"], local.allow_traces, local.allow_registry, local.deny_secrets,
    ) })
    tick = jsonencode({ Version = "2012-10-17", Statement = concat(
      local.allow_logs["tick"], local.allow_traces, local.allow_network["tick"], local.allow_store["tick"], local.allow_dead_letters,
    ) })
  }

  dead_letters = "${local.name}-dead-letters"
}

resource "aws_cloudwatch_log_group" "function" {
  for_each          = local.function_names
  name              = "/aws/lambda/${each.value}"
  retention_in_days = var.log_retention_days
}

# What the schedule asked for and never got, for a fortnight.
resource "aws_sqs_queue" "dead_letters" {
  name                      = local.dead_letters
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

# Who calls calls this; a rollback moves it.
resource "aws_lambda_alias" "live" {
  for_each         = local.function_names
  name             = "live"
  description      = "What callers get"
  function_name    = each.value
  function_version = local.functions[each.key].version
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  for_each = {
    for key, one in var.functions : key => one.provisioned_concurrency if one.provisioned_concurrency != null
  }
  function_name                     = local.function_names[each.key]
  qualifier                         = aws_lambda_alias.live[each.key].name
  provisioned_concurrent_executions = each.value
}

# The next minute's tick does what a lost one did not: one more try, then the dead letters.
resource "aws_lambda_function_event_invoke_config" "tick" {
  function_name                = local.function_names["tick"]
  qualifier                    = aws_lambda_alias.live["tick"].name
  maximum_retry_attempts       = 1
  maximum_event_age_in_seconds = 120
}

# A warming call that failed is none that somebody waits for.
resource "aws_lambda_function_event_invoke_config" "warmer" {
  count                        = var.warmer ? 1 : 0
  function_name                = local.function_names["api_handler"]
  qualifier                    = aws_lambda_alias.live["api_handler"].name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60
}

resource "aws_cloudwatch_event_rule" "warmer" {
  count               = var.warmer ? 1 : 0
  name                = "${local.name}-warmer"
  description         = "Keeps an instance of the API warm"
  schedule_expression = "rate(5 minutes)"
}

# The API's function understands the gateway's events only, not a schedule's.
resource "aws_cloudwatch_event_target" "warmer" {
  count     = var.warmer ? 1 : 0
  rule      = aws_cloudwatch_event_rule.warmer[0].name
  target_id = "warmer"
  arn       = aws_lambda_alias.live["api_handler"].arn
  input     = jsonencode(jsondecode(file("${path.module}/templates/warm.json")))
}

resource "aws_lambda_permission" "warmer" {
  count         = var.warmer ? 1 : 0
  function_name = local.function_names["api_handler"]
  qualifier     = aws_lambda_alias.live["api_handler"].name
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.warmer[0].arn
}
