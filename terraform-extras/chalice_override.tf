# Changes blocks that `chalice package` wrote into chalice.tf.json: Terraform merges a file called
# *_override.tf into what others define. It cannot take an argument away (merge.json does), nor set
# depends_on; a nested block replaces the whole one.

resource "aws_iam_role" "api_handler_role" {
  name                 = "${local.name}-api_handler"
  permissions_boundary = local.permissions_boundary
}

resource "aws_iam_role" "jwt_authorizer_role" {
  name                 = "${local.name}-jwt_authorizer"
  permissions_boundary = local.permissions_boundary
}

resource "aws_iam_role" "tick_role" {
  name                 = "${local.name}-tick"
  permissions_boundary = local.permissions_boundary
}

resource "aws_iam_role_policy" "api_handler_role" {
  role   = aws_iam_role.api_handler_role.name
  policy = local.policies["api_handler"]
}

resource "aws_iam_role_policy" "jwt_authorizer_role" {
  role   = aws_iam_role.jwt_authorizer_role.name
  policy = local.policies["jwt_authorizer"]
}

resource "aws_iam_role_policy" "tick_role" {
  role   = aws_iam_role.tick_role.name
  policy = local.policies["tick"]
}

# Each function's role is named by way of its policy: the function is made after its role may do
# what it must, and in the end Lambda can still take the network interfaces away.
resource "aws_lambda_function" "api_handler" {
  function_name                  = local.function_names["api_handler"]
  role                           = "arn:${local.partition}:iam::${local.account_id}:role/${aws_iam_role_policy.api_handler_role.role}"
  architectures                  = [var.architecture]
  timeout                        = var.functions.api_handler.timeout
  memory_size                    = var.functions.api_handler.memory
  reserved_concurrent_executions = var.functions.api_handler.reserved_concurrency
  publish                        = true

  environment {
    variables = local.environment["api_handler"]
  }

  vpc_config {
    subnet_ids         = local.private_subnet_ids
    security_group_ids = local.function_security_group_ids
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = local.lambda_log_level
    log_group             = aws_cloudwatch_log_group.function["api_handler"].name
  }

  tracing_config {
    mode = "Active"
  }
}

# Outside the VPC: it fetches the issuer's keys over the internet.
resource "aws_lambda_function" "jwt_authorizer" {
  function_name                  = local.function_names["jwt_authorizer"]
  role                           = "arn:${local.partition}:iam::${local.account_id}:role/${aws_iam_role_policy.jwt_authorizer_role.role}"
  architectures                  = [var.architecture]
  timeout                        = var.functions.jwt_authorizer.timeout
  memory_size                    = var.functions.jwt_authorizer.memory
  reserved_concurrent_executions = var.functions.jwt_authorizer.reserved_concurrency
  publish                        = true

  environment {
    variables = local.environment["jwt_authorizer"]
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = local.lambda_log_level
    log_group             = aws_cloudwatch_log_group.function["jwt_authorizer"].name
  }

  tracing_config {
    mode = "Active"
  }
}

resource "aws_lambda_function" "tick" {
  function_name                  = local.function_names["tick"]
  role                           = "arn:${local.partition}:iam::${local.account_id}:role/${aws_iam_role_policy.tick_role.role}"
  architectures                  = [var.architecture]
  timeout                        = var.functions.tick.timeout
  memory_size                    = var.functions.tick.memory
  reserved_concurrent_executions = var.functions.tick.reserved_concurrency
  publish                        = true

  environment {
    variables = local.environment["tick"]
  }

  vpc_config {
    subnet_ids         = local.private_subnet_ids
    security_group_ids = local.function_security_group_ids
  }

  dead_letter_config {
    target_arn = aws_sqs_queue.dead_letters.arn
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = local.lambda_log_level
    log_group             = aws_cloudwatch_log_group.function["tick"].name
  }

  tracing_config {
    mode = "Active"
  }
}

# A permission of the function is none of its alias.
resource "aws_lambda_permission" "rest_api_invoke" {
  qualifier = aws_lambda_alias.live["api_handler"].name
}

resource "aws_lambda_permission" "jwt_authorizer_invoke" {
  qualifier  = aws_lambda_alias.live["jwt_authorizer"].name
  source_arn = "${aws_api_gateway_rest_api.rest_api.execution_arn}/authorizers/*"
}

resource "aws_lambda_permission" "tick-event" {
  qualifier = aws_lambda_alias.live["tick"].name
}

resource "aws_cloudwatch_event_rule" "tick-event" {
  name = "${local.name}-tick"
}

resource "aws_cloudwatch_event_target" "tick-event" {
  arn = aws_lambda_alias.live["tick"].arn
}

resource "aws_api_gateway_rest_api" "rest_api" {
  name                         = local.name
  disable_execute_api_endpoint = local.default_endpoint_off
}

# A stage is deployed anew whenever what it deploys is another document. A default endpoint that was
# closed or opened counts from the next deployment on too.
resource "aws_api_gateway_deployment" "rest_api" {
  triggers = {
    body             = sha1(aws_api_gateway_rest_api.rest_api.body)
    default_endpoint = local.default_endpoint_off ? "off" : "on"
  }
}
