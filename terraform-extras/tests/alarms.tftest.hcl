# What wakes somebody, and what does not.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stage      = "dev"
  redis_kind = "replicated"
  store_url  = null
}

run "every_function_and_every_node_is_watched" {
  command = plan

  variables {
    functions = { jwt_authorizer = { timeout = 20 } }
    worker    = { max = 1 }
  }

  assert {
    condition = length(setsubtract([
      "api_handler-errors", "tick-errors", "authorizer-errors",
      "api_handler-duration", "jwt_authorizer-duration", "tick-duration",
      "api_handler-throttles", "jwt_authorizer-throttles", "tick-throttles",
      "store-memory-tinyllama-dev-001", "store-cpu-tinyllama-dev-001", "store-connections-tinyllama-dev-001",
      "store-memory-tinyllama-dev-002", "store-cpu-tinyllama-dev-002", "store-connections-tinyllama-dev-002",
      "server-errors", "dead-letters", "oldest-job", "full-store", "failed-moves", "no-tick",
    ], keys(aws_cloudwatch_metric_alarm.measured))) == 0
    error_message = "An alarm is missing: ${jsonencode(keys(aws_cloudwatch_metric_alarm.measured))}"
  }
  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.computed)) == toset(["latency", "dead-jobs", "no-worker"])
    error_message = "A computed alarm is missing."
  }
  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.measured), "jwt_authorizer-errors")
    error_message = "Every 401 is an error of the authorizer to Lambda: its count tells nothing."
  }
  assert {
    condition     = floor(aws_cloudwatch_metric_alarm.measured["api_handler-duration"].threshold) == 33200 && floor(aws_cloudwatch_metric_alarm.measured["jwt_authorizer-duration"].threshold) == 16600 && floor(aws_cloudwatch_metric_alarm.measured["tick-duration"].threshold) == 49800
    error_message = "83 % of each timeout, in milliseconds; a wait of 25 s stays below the API's."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.measured["no-tick"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.measured["no-tick"].comparison_operator == "LessThanThreshold"
    error_message = "A schedule that is silent is a failure."
  }
  assert {
    condition     = alltrue([for name, alarm in aws_cloudwatch_metric_alarm.measured : alarm.treat_missing_data == "notBreaching" if name != "no-tick"])
    error_message = "What is not measured is no failure elsewhere."
  }
  assert {
    condition     = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.measured), values(aws_cloudwatch_metric_alarm.computed)) : startswith(alarm.alarm_name, "tinyllama-dev-") && length(alarm.alarm_description) > 20])
    error_message = "An alarm tells its stage and what it means."
  }
  assert {
    condition     = aws_cloudwatch_log_metric_filter.authorizer[0].metric_transformation[0].name == aws_cloudwatch_metric_alarm.measured["authorizer-errors"].metric_name && aws_cloudwatch_log_metric_filter.authorizer[0].metric_transformation[0].namespace == aws_cloudwatch_metric_alarm.measured["authorizer-errors"].namespace
    error_message = "The filter writes what the alarm reads."
  }
  assert {
    condition     = length(setintersection([for route in values(local.prompt_routes) : route.Resource], ["/infer", "/jobs/{job_id}", "/jobs/{job_id}/stream", "/inbox", "/inbox/lease", "/worker/lease"])) == 0
    error_message = "Where callers may wait, 25 s are no fault."
  }
  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.stage[0].dashboard_body).widgets) == 14
    error_message = "The dashboard draws store, queue, functions, gateway and workers."
  }
}

run "cloudwatch_may_publish_through_the_key" {
  command = plan

  variables {
    alarms = { email = "ops@example.org" }
  }

  assert {
    condition = [for statement in jsondecode(aws_kms_key.alarms[0].policy).Statement :
      [join(",", statement.Action), statement.Condition.StringEquals["aws:SourceAccount"]]
      if try(statement.Principal.Service, "") == "cloudwatch.amazonaws.com"
    ] == [["kms:Decrypt,kms:GenerateDataKey", "123456789012"]]
    error_message = "Without the key CloudWatch's word is lost; only this account's alarms may use it."
  }
  assert {
    condition     = aws_kms_key.alarms[0].enable_key_rotation && aws_sns_topic_subscription.mail[0].endpoint == "ops@example.org"
    error_message = "The key turns, the mail goes."
  }
}

run "a_durable_store_is_watched_in_its_own_words" {
  command = plan

  variables {
    redis_kind = "durable"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.measured["store-memory-tinyllama-dev-0001-001"].namespace == "AWS/MemoryDB" && aws_cloudwatch_metric_alarm.measured["store-memory-tinyllama-dev-0001-001"].dimensions["ClusterName"] == "tinyllama-dev"
    error_message = "MemoryDB has a namespace of its own."
  }
}

run "a_store_of_ones_own_is_watched_by_the_tick_alone" {
  command = plan

  variables {
    redis_kind = "external"
    store_url  = "redis://store.example:6379"
    dashboard  = false
  }

  assert {
    condition     = length([for name in keys(aws_cloudwatch_metric_alarm.measured) : name if startswith(name, "store-")]) == 0 && contains(keys(aws_cloudwatch_metric_alarm.measured), "full-store")
    error_message = "CloudWatch knows no nodes of it."
  }
  assert {
    condition     = length(aws_cloudwatch_dashboard.stage) == 0
    error_message = "No dashboard was asked for."
  }
}

run "alarms_can_be_left_out" {
  command = plan

  variables {
    alarms = { enabled = false, email = "ops@example.org" }
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.measured) + length(aws_cloudwatch_metric_alarm.computed) + length(aws_sns_topic.alarms) + length(aws_kms_key.alarms) + length(aws_sns_topic_subscription.mail) + length(aws_cloudwatch_log_metric_filter.authorizer) == 0
    error_message = "Nothing of the alarms is left."
  }
}

run "bad_alarms_are_refused" {
  command = plan

  variables {
    alarms = { email = "nobody", latency_ms = 0 }
  }

  expect_failures = [var.alarms]
}
