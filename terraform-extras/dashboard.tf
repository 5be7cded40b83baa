# The same measures as the alarms', drawn.

variable "dashboard" {
  description = "Whether the stage has a CloudWatch dashboard; three are free in an account, each other costs 3 USD a month."
  type        = bool
  default     = true
  nullable    = false
}

locals {
  # [title, statistic, unit at the left, metrics as CloudWatch's dashboards write them]
  charts = concat(
    [
      ["Queue", "Maximum", "jobs", [for name in ["QueueDepth", "DelayedJobs", "RunningJobs", "DeadLetters"] :
      ["TinyLlama", name, "Environment", var.stage]]],
      ["Oldest waiting job", "Maximum", "seconds", [["TinyLlama", "OldestJobAge", "Environment", var.stage]]],
      ["Live workers, jobs a minute", "Maximum", "", [for name in ["LiveWorkers", "JobsPerMinute"] :
      ["TinyLlama", name, "Environment", var.stage]]],
      ["What the tick did", "Sum", "", [for name in ["Reclaimed", "Expired", "Removed", "Forgotten", "FailedMoves"] :
      ["TinyLlama", name, "Environment", var.stage]]],
      ["Answers", "Sum", "calls", [for name in ["Count", "4XXError", "5XXError"] :
      ["AWS/ApiGateway", name, "ApiName", local.name, "Stage", var.stage]]],
      ["Latency of routes that never wait", "p95", "milliseconds", [for route in local.prompt_routes :
      ["AWS/ApiGateway", "Latency", "ApiName", local.name, "Stage", var.stage, "Resource", route.Resource, "Method", route.Method]]],
      ["Functions: errors and throttles", "Sum", "calls", concat(
        [for key, name in local.function_names : ["AWS/Lambda", "Errors", "FunctionName", name] if key != "jwt_authorizer"],
        [["TinyLlama", local.authorizer_metric]],
        [for name in local.function_names : ["AWS/Lambda", "Throttles", "FunctionName", name]],
      )],
      ["Functions: duration", "Maximum", "milliseconds", [for name in local.function_names :
      ["AWS/Lambda", "Duration", "FunctionName", name]]],
      ["Functions at once", "Maximum", "", [for name in local.function_names :
      ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", name]]],
      ["Store: memory", "Maximum", "percent", concat(
        [["TinyLlama", "StoreMemory", "Environment", var.stage]],
        [for dimensions in values(local.redis_alarm_dimensions) : concat(
          [local.redis_alarm_namespace, "DatabaseMemoryUsagePercentage"], flatten([for name, value in dimensions : [name, value]]),
        )],
      )],
      ["Dead letters of the schedule", "Maximum", "messages", [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", local.dead_letters]]],
    ],
    [for name, title in {
      EngineCPUUtilization = "Store: its one thread of commands, percent"
      CurrConnections      = "Store: connections"
      } : [title, "Maximum", "", [for dimensions in values(local.redis_alarm_dimensions) :
        concat([local.redis_alarm_namespace, name], flatten([for name, value in dimensions : [name, value]]))
    ]] if length(local.redis_alarm_dimensions) > 0],
    [for group in slice([local.worker_name], 0, local.worker_count) :
      ["Workers' instances", "Maximum", "", [for name in ["GroupDesiredCapacity", "GroupInServiceInstances"] :
      ["AWS/AutoScaling", name, "AutoScalingGroupName", group]]]
    ],
  )
}

resource "aws_cloudwatch_dashboard" "stage" {
  count          = var.dashboard ? 1 : 0
  dashboard_name = local.name

  dashboard_body = jsonencode({
    widgets = [for number, chart in local.charts : {
      type   = "metric"
      x      = number % 3 * 8
      y      = floor(number / 3) * 6
      width  = 8
      height = 6
      properties = {
        title   = chart[0]
        stat    = chart[1]
        region  = var.region
        view    = "timeSeries"
        period  = 60
        metrics = chart[3]
        yAxis   = { left = { min = 0, label = chart[2], showUnits = false } }
      }
    }]
  })
}
