# The role by which API Gateway writes logs. An account has one for each region, which serves all of
# its APIs: no stage can own it.

variable "gateway_logs" {
  description = "Make the role and give it to API Gateway. `make bootstrap` looks, and says false where the account has given another one, which then stays."
  type        = bool
  default     = true
  nullable    = false
}

variable "adopt_gateway_role" {
  description = "The role is there already and unknown to this state: take it over. `make bootstrap` looks."
  type        = bool
  default     = false
  nullable    = false
}

locals {
  gateway_logs = var.gateway_logs ? 1 : 0
  gateway_role = "tinyllama-gateway-logs-${var.region}"
}

import {
  for_each = toset(var.gateway_logs && var.adopt_gateway_role ? [local.gateway_role] : [])
  to       = aws_iam_role.gateway_logs[0]
  id       = each.value
}

resource "aws_iam_role" "gateway_logs" {
  count       = local.gateway_logs
  name        = local.gateway_role
  description = "API Gateway's, to write the logs of every API of the region"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "apigateway.amazonaws.com" }
    }]
  })
}

# The account's setting is refused unless its role may do what AWS' own policy
# AmazonAPIGatewayPushToCloudWatchLogs lists, on every group: it serves all APIs of the account.
resource "aws_iam_role_policy" "gateway_logs" {
  count = local.gateway_logs
  name  = "write-logs"
  role  = aws_iam_role.gateway_logs[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = [
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
        "logs:PutLogEvents",
      ]
      Resource = "*"
    }]
  })
}

resource "aws_api_gateway_account" "logs" {
  count               = local.gateway_logs
  cloudwatch_role_arn = aws_iam_role.gateway_logs[0].arn
  depends_on          = [aws_iam_role_policy.gateway_logs]
}
