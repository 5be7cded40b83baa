# What wakes somebody: docs/operations.md says of each alarm what it means and what to do.

variable "alarms" {
  description = <<-TEXT
    When CloudWatch calls for somebody; about 0.10 USD a month for each of some twenty alarms, and 1 USD for the key.
    enabled: whether there are any.
    email: who gets a mail, once they confirmed the first one; null for nobody.
    server_errors: answers of 500 and above in five minutes.
    latency_ms: 95th percentile of the routes that never wait.
    oldest_job_seconds: how long a job may wait for a worker.
    connections: how many connections a node of the store may have.
  TEXT

  type = object({
    enabled            = optional(bool, true)
    email              = optional(string)
    server_errors      = optional(number, 5)
    latency_ms         = optional(number, 3000)
    oldest_job_seconds = optional(number, 300)
    connections        = optional(number, 1000)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", coalesce(var.alarms.email, "nobody@example.org")))
    error_message = "alarms.email is a mail address."
  }
  validation {
    condition = alltrue([for each in [
      var.alarms.server_errors, var.alarms.latency_ms, var.alarms.oldest_job_seconds, var.alarms.connections,
    ] : each > 0])
    error_message = "The thresholds of alarms are above 0."
  }
}

locals {
  alarm_count = var.alarms.enabled ? 1 : 0
  metrics     = { Environment = var.stage } # Of the tick, see chalicelib/upkeep.py.

  # What each kind watches in CloudWatch's words; the rest is at the resource below.
  alarm_defaults = {
    statistic = "Maximum", comparison = "GreaterThanOrEqualToThreshold", period = 60, periods = 1, missing = "notBreaching"
  }

  function_alarms = merge([for key, name in local.function_names : merge(
    # A refused token is an error to Lambda: of the authorizer only its log tells the others.
    key == "jwt_authorizer" ? {} : {
      "${key}-errors" = {
        namespace   = "AWS/Lambda", metric = "Errors", statistic = "Sum", threshold = 1
        dimensions  = { FunctionName = name }
        description = "${name} failed: see its log group."
      }
    },
    {
      "${key}-duration" = {
        namespace   = "AWS/Lambda", metric = "Duration", threshold = var.functions[key].timeout * 1000 * 0.83
        dimensions  = { FunctionName = name }
        description = "A call of ${name} took over 83 % of its ${var.functions[key].timeout} s."
      }
      "${key}-throttles" = {
        namespace   = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 1
        dimensions  = { FunctionName = name }
        description = "Lambda refused a call of ${name}: too many ran at once."
      }
    },
  )]...)

  store_alarms = merge([for node, dimensions in local.redis_alarm_dimensions : {
    "store-memory-${node}" = {
      namespace   = local.redis_alarm_namespace, metric = "DatabaseMemoryUsagePercentage", threshold = 80, periods = 3
      dimensions  = dimensions
      description = "Node ${node} is nearly full: at 80 % nothing new is taken."
    }
    # Commands run in one thread: of two or more processors, the machine's own share hides it.
    "store-cpu-${node}" = {
      namespace   = local.redis_alarm_namespace, metric = "EngineCPUUtilization", threshold = 80, periods = 5
      dimensions  = dimensions
      description = "Node ${node} is busy: its one thread of commands is at 80 %."
    }
    "store-connections-${node}" = {
      namespace   = local.redis_alarm_namespace, metric = "CurrConnections", threshold = var.alarms.connections, periods = 3
      dimensions  = dimensions
      description = "Node ${node} has more connections than functions and workers should make."
    }
  }]...)

  alarms = merge(local.function_alarms, local.store_alarms, {
    authorizer-errors = {
      namespace   = "TinyLlama", metric = local.authorizer_metric, statistic = "Sum", threshold = 1
      dimensions  = {}
      description = "The authorizer failed otherwise than by refusing a token: keys or settings."
    }
    server-errors = {
      namespace   = "AWS/ApiGateway", metric = "5XXError", statistic = "Sum", threshold = var.alarms.server_errors, period = 300
      dimensions  = { ApiName = local.name, Stage = var.stage }
      description = "The API answered 500 or above: see the access log's integrationError."
    }
    dead-letters = {
      namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", threshold = 1, period = 300
      dimensions  = { QueueName = local.dead_letters }
      description = "The schedule's calls failed for good and lie in ${local.dead_letters}."
    }
    oldest-job = {
      namespace   = "TinyLlama", metric = "OldestJobAge", threshold = var.alarms.oldest_job_seconds, periods = 3
      dimensions  = local.metrics
      description = "A job waits too long: too few workers, or none that works."
    }
    full-store = {
      namespace   = "TinyLlama", metric = "StoreMemory", threshold = 70, periods = 3
      dimensions  = local.metrics
      description = "The store is at 70 % of its memory: at 80 % nothing new is taken."
    }
    failed-moves = {
      namespace   = "TinyLlama", metric = "FailedMoves", threshold = 1, periods = 3
      dimensions  = local.metrics
      description = "The tick meets a record that no script can move: see tick.move_failed in its log."
    }
    no-tick = {
      namespace   = "AWS/Lambda", metric = "Invocations", statistic = "Sum", threshold = 1, periods = 5
      comparison  = "LessThanThreshold", missing = "breaching"
      dimensions  = { FunctionName = local.function_names["tick"] }
      description = "The schedule does not call the tick: nothing is measured, reclaimed or removed."
    }
  })

  # Routes that take no `Prefer: wait`: elsewhere 25 s are what the caller asked for. The gateway
  # measures each method apart, and what its clients cannot see of a wait is in no metric or log.
  prompt_routes = {
    events = { Method = "POST", Resource = "/events" }
    jobs   = { Method = "GET", Resource = "/jobs" }
    queue  = { Method = "GET", Resource = "/queue" }
    finish = { Method = "POST", Resource = "/worker/finish" }
  }

  computed_alarms = {
    latency = {
      expression = "MAX([${join(", ", [for id in keys(local.prompt_routes) : "FILL(${id}, 0)"])}])"
      threshold  = var.alarms.latency_ms, period = 300, periods = 3
      metrics = { for id, route in local.prompt_routes : id => {
        namespace  = "AWS/ApiGateway", metric = "Latency", statistic = "p95"
        dimensions = merge(route, { ApiName = local.name, Stage = var.stage })
      } }
      description = "Calls that never wait are slow: see the functions' duration and the store's processor."
    }
    dead-jobs = {
      expression  = "DIFF(dead)"
      threshold   = 1, period = 60, periods = 1
      metrics     = { dead = { namespace = "TinyLlama", metric = "DeadLetters", statistic = "Maximum", dimensions = local.metrics } }
      description = "A job failed for good: GET /dead-letters tells why, POST /dead-letters/redrive sends it back."
    }
    # A group that starts from none needs some minutes.
    no-worker = {
      expression = "IF(queued > 0 AND workers < 1, 1, 0)"
      threshold  = 1, period = 60, periods = 15
      metrics = {
        queued  = { namespace = "TinyLlama", metric = "QueueDepth", statistic = "Minimum", dimensions = local.metrics }
        workers = { namespace = "TinyLlama", metric = "LiveWorkers", statistic = "Maximum", dimensions = local.metrics }
      }
      description = "Jobs wait and no worker lives: see the workers' group and log."
    }
  }

  # A metric of a log filter has no dimension that is not in the line: the stage is in its name.
  authorizer_metric = "AuthorizerFailures-${var.stage}"
  # Lambda's runtime logs what a function raises as {"level": "ERROR", "errorMessage": ...}, and 401
  # is raised by this one word (chalicelib/authorizer.py). What ends the process instead, a timeout
  # say, is told by the platform.
  authorizer_failure = "{ ($.level = \"ERROR\" && $.errorMessage != \"Unauthorized\") || ($.type = \"platform.report\" && $.record.status != \"success\" && $.record.status != \"error\") }"

  alarm_topic     = "${local.name}-alarms"
  alarm_topic_arn = "${local.arn.sns}:${local.alarm_topic}"
}

resource "aws_cloudwatch_log_metric_filter" "authorizer" {
  count          = local.alarm_count
  name           = "${local.name}-authorizer-failures"
  log_group_name = aws_cloudwatch_log_group.function["jwt_authorizer"].name
  pattern        = local.authorizer_failure

  metric_transformation {
    namespace = "TinyLlama"
    name      = local.authorizer_metric
    value     = "1"
    unit      = "Count"
  }
}

resource "aws_cloudwatch_metric_alarm" "measured" {
  for_each            = { for name, alarm in local.alarms : name => merge(local.alarm_defaults, alarm) if var.alarms.enabled }
  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = each.value.periods
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing
  alarm_actions       = aws_sns_topic.alarms[*].arn
  ok_actions          = aws_sns_topic.alarms[*].arn
}

resource "aws_cloudwatch_metric_alarm" "computed" {
  for_each            = { for name, alarm in local.computed_alarms : name => alarm if var.alarms.enabled }
  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = aws_sns_topic.alarms[*].arn
  ok_actions          = aws_sns_topic.alarms[*].arn

  metric_query {
    id          = "watched"
    expression  = each.value.expression
    label       = each.key
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.metric
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.statistic
        period      = each.value.period
      }
    }
  }
}

# AWS' own key of SNS does not let CloudWatch in: an alarm would sound unheard.
resource "aws_kms_key" "alarms" {
  count                   = local.alarm_count
  description             = "Alarms of ${local.name} on their way"
  enable_key_rotation     = true
  deletion_window_in_days = 7

  # In a key's policy * is the key itself.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }
        Action = [
          "kms:CancelKeyDeletion", "kms:Decrypt", "kms:DescribeKey", "kms:DisableKey", "kms:EnableKey",
          "kms:EnableKeyRotation", "kms:GenerateDataKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus",
          "kms:ListKeyPolicies", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion",
          "kms:TagResource", "kms:UntagResource", "kms:UpdateKeyDescription",
        ]
        Resource = "*"
      },
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
      },
    ]
  })
}

resource "aws_sns_topic" "alarms" {
  count             = local.alarm_count
  name              = local.alarm_topic
  kms_master_key_id = aws_kms_key.alarms[0].arn
}

resource "aws_sns_topic_policy" "alarms" {
  count = local.alarm_count
  arn   = aws_sns_topic.alarms[0].arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = local.alarm_topic_arn
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account_id }
          ArnLike      = { "aws:SourceArn" = "${local.arn.cloudwatch}:alarm:${local.name}-*" }
        }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = local.alarm_topic_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "mail" {
  count     = var.alarms.email == null ? 0 : local.alarm_count
  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = var.alarms.email
}
