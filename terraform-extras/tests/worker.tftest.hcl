# Workers: what they may, where they stand, and that they come and go with the queue.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stage      = "dev"
  redis_kind = "replicated"
  store_url  = null
}

run "there_is_none_unless_asked_for" {
  command = plan

  assert {
    condition     = length(aws_autoscaling_group.worker) + length(aws_launch_template.worker) + length(aws_s3_bucket.worker) + length(aws_iam_role.worker) == 0
    error_message = "No worker was asked for."
  }
  assert {
    condition     = aws_ecr_repository.images[0].image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.images[0].image_scanning_configuration[0].scan_on_push
    error_message = "Images are scanned when they come and never change."
  }
  assert {
    condition     = [for rule in jsondecode(aws_ecr_lifecycle_policy.images[0].policy).rules : rule.selection.tagStatus] == ["untagged", "tagged"]
    error_message = "Untagged images and old ones go."
  }
}

run "a_worker_reaches_out_and_may_do_little" {
  command = plan

  variables {
    worker = { max = 3 }
  }

  assert {
    condition     = aws_launch_template.worker[0].metadata_options[0].http_tokens == "required" && aws_launch_template.worker[0].metadata_options[0].http_put_response_hop_limit == 1
    error_message = "The instance's credentials are asked for by IMDSv2 alone, and by no container's network."
  }
  assert {
    condition     = one(aws_launch_template.worker[0].block_device_mappings).ebs[0].encrypted == "true" && one(aws_launch_template.worker[0].block_device_mappings).ebs[0].volume_type == "gp3"
    error_message = "The disk is encrypted."
  }
  assert {
    condition     = aws_launch_template.worker[0].network_interfaces[0].associate_public_ip_address == "true"
    error_message = "Without NAT a public address is the only way out."
  }
  assert {
    condition     = toset([for tag in aws_autoscaling_group.worker[0].tag : "${tag.key}=${tag.value}" if tag.propagate_at_launch]) == toset(["Name=tinyllama-dev-worker", "Environment=dev", "Service=tinyllama"])
    error_message = "Instances carry the stage's tags."
  }

  assert {
    condition = toset(flatten([for statement in local.worker_statements : statement.Action])) == toset([
      "elasticache:Connect", "s3:GetObject", "ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath",
      "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents",
    ])
    error_message = "The worker's role changed: ${jsonencode(local.worker_statements)}"
  }
  assert {
    condition     = !contains(flatten([for statement in local.worker_statements : statement.Resource]), "*")
    error_message = "Code from the bucket needs no wildcard resource."
  }
  assert {
    condition     = one([for statement in local.worker_statements : statement.Resource if statement.Sid == "Code"])[0] == "arn:aws:s3:::tinyllama-dev-worker-123456789012-us-east-1/worker/${filesha256("./worker.zip")}.zip"
    error_message = "The role reads this code and no other."
  }
  assert {
    condition     = toset(one([for statement in local.worker_statements : statement.Resource if statement.Sid == "SignInToStore"])) == toset(["arn:aws:elasticache:us-east-1:123456789012:replicationgroup:tinyllama-dev", "arn:aws:elasticache:us-east-1:123456789012:user:tinyllama-dev-worker"])
    error_message = "The worker signs in as the store's user of its own."
  }
  assert {
    condition     = jsonencode(jsondecode(aws_iam_role_policy.worker[0].policy).Statement) == jsonencode(local.worker_statements)
    error_message = "What is asserted above is what is attached."
  }
}

run "an_image_and_a_shell_need_what_aws_gives_for_everything_only" {
  command = plan

  variables {
    worker = { max = 1, image = "worker-1.2.3", session_manager = true, spot = true, gpu = true, architecture = "x86_64", instance_type = "g5.xlarge", engine = "vllm", model = "TinyLlama/TinyLlama-1.1B-Chat-v1.0" }
  }

  assert {
    condition = toset(flatten([for statement in local.worker_statements : statement.Action if contains(statement.Resource, "*")])) == toset([
      "ecr:GetAuthorizationToken", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
    ])
    error_message = "A wildcard resource is there where AWS takes no other."
  }
  assert {
    condition     = !contains(flatten([for statement in local.worker_statements : statement.Action]), "s3:GetObject")
    error_message = "With an image nothing is read from the bucket."
  }
  assert {
    condition     = aws_launch_template.worker[0].instance_market_options[0].market_type == "spot"
    error_message = "Spare capacity was asked for."
  }
  assert {
    condition     = data.aws_ssm_parameter.worker_ami[0].name == "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id"
    error_message = "A GPU needs an image with its drivers."
  }
  assert {
    condition     = one(aws_launch_template.worker[0].block_device_mappings).ebs[0].volume_size == 150
    error_message = "An image with drivers and CUDA is larger than a plain one's disk."
  }
}

run "the_code_lies_private_and_named_by_its_hash" {
  command = plan

  variables {
    worker     = { max = 1, ami_id = "ami-0123456789abcdef0", engine = "remote", engine_url = "https://engine.example/v1", engine_key = true, model = "m" }
    redis_kind = "external"
    store_url  = "rediss://store.example:6379"
    settings   = { LEASE_SECONDS = "45" }
  }

  assert {
    condition     = aws_s3_object.worker[0].key == "worker/${filesha256("./worker.zip")}.zip" && aws_s3_bucket_versioning.worker[0].versioning_configuration[0].status == "Enabled"
    error_message = "A key that holds the hash never means other code."
  }
  assert {
    condition     = alltrue([for name in ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"] : aws_s3_bucket_public_access_block.worker[0][name]])
    error_message = "The bucket is nobody else's."
  }
  assert {
    condition     = jsondecode(aws_s3_bucket_policy.worker[0].policy).Statement[0].Effect == "Deny" && jsondecode(aws_s3_bucket_policy.worker[0].policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    error_message = "TLS only."
  }
  assert {
    condition     = strcontains(base64decode(aws_launch_template.worker[0].user_data), "${filesha256("./worker.zip")}  /opt/tinyllama/worker.zip")
    error_message = "The instance looks at the hash again."
  }
  assert {
    condition = local.worker_environment == {
      TINYLLAMA_ENV            = "dev"
      TINYLLAMA_STORE_URL      = "rediss://store.example:6379"
      TINYLLAMA_STORE_REPLICAS = "0"
      TINYLLAMA_ENGINE_URL     = "https://engine.example/v1"
      TINYLLAMA_ENGINE_MODEL   = "m"
      TINYLLAMA_LEASE_SECONDS  = "45"

      TINYLLAMA_ENGINE_API_KEY_PARAMETER = "engine_api_key"
    }
    error_message = "The worker's settings: ${jsonencode(local.worker_environment)}"
  }
  assert {
    condition     = strcontains(base64decode(aws_launch_template.worker[0].user_data), base64encode(join("", [for name, value in local.worker_environment : "${name}=${value}\n"])))
    error_message = "The settings are in the user data."
  }
  assert {
    condition     = length(data.aws_ssm_parameter.worker_ami) == 0 && aws_launch_template.worker[0].image_id == "ami-0123456789abcdef0"
    error_message = "An image of one's own is taken as it is."
  }
  assert {
    condition     = !contains(flatten([for statement in local.worker_statements : statement.Action]), "elasticache:Connect")
    error_message = "An external store knows no sign-in by role."
  }
}

run "workers_come_with_the_queue_and_go_with_it" {
  command = plan

  variables {
    worker = { min = 1, max = 8, idle_minutes = 5, scale_out = [{ depth = 1, add = 1 }, { depth = 10, add = 3 }] }
  }

  assert {
    condition     = aws_autoscaling_group.worker[0].min_size == 1 && aws_autoscaling_group.worker[0].max_size == 8
    error_message = "The group keeps its bounds."
  }
  assert {
    condition = toset([for step in aws_autoscaling_policy.worker_out[0].step_adjustment : "${step.metric_interval_lower_bound}..${coalesce(step.metric_interval_upper_bound, "all")}: ${step.scaling_adjustment}"]) == toset([
      "0..9: 1", "9..all: 3",
    ])
    error_message = "Steps count from the threshold: ${jsonencode(aws_autoscaling_policy.worker_out[0].step_adjustment)}"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.worker_out[0].metric_name == "QueueDepth" && aws_cloudwatch_metric_alarm.worker_out[0].threshold == 1 && aws_cloudwatch_metric_alarm.worker_out[0].dimensions["Environment"] == "dev"
    error_message = "One waiting job brings a worker."
  }
  assert {
    condition     = aws_autoscaling_policy.worker_in[0].adjustment_type == "ExactCapacity" && one(aws_autoscaling_policy.worker_in[0].step_adjustment).scaling_adjustment == 1
    error_message = "Idle, the group goes back to its least."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.worker_in[0].evaluation_periods == 5 && toset(flatten([for query in aws_cloudwatch_metric_alarm.worker_in[0].metric_query : query.metric[*].metric_name])) == toset(["QueueDepth", "DelayedJobs", "RunningJobs"]) && aws_cloudwatch_metric_alarm.worker_in[0].treat_missing_data == "notBreaching"
    error_message = "Idle is: nothing queued, delayed or running, measured for five minutes."
  }
}

run "bad_workers_are_refused" {
  command = plan

  variables {
    worker           = { min = 2, max = 1, engine = "remote", architecture = "riscv", instance_type = "big", drain_seconds = 500, image = "a b", model = "a; rm" }
    image_repository = false
  }

  expect_failures = [var.worker]
}

run "a_machine_that_cannot_run_its_image_is_refused" {
  command = plan

  variables {
    worker = { max = 1, gpu = true, instance_type = "g5.xlarge" }
  }

  expect_failures = [var.worker]
}
