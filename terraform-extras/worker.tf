# A worker inside the VPC: none, or a group of instances that grows with the queue and goes away
# with it. Each reaches out only; nothing can connect to it.

variable "worker" {
  description = <<-TEXT
    The workers to start in the public subnet; null, or a max of 0, for none.
    min, max: how many instances there are at least and at most.
    instance_type, architecture, gpu: the machine; with gpu its image has NVIDIA's drivers.
    ami_id: an Amazon Linux 2023 image of your own; null for AWS' newest.
    spot: take spare capacity, cheaper, taken away at two minutes' notice; leases bear that.
    disk_gib: the encrypted root disk; null for 30, or 150 with gpu, whose image brings several CUDAs.
    concurrency: jobs that one worker runs at once.
    drain_seconds: how long running jobs may go on after SIGTERM; EC2 waits about two minutes.
    image: a tag of the stage's ECR repository to run instead of the packaged code.
    engine: none (echo answers), the name of a script in templates/engines (llama_cpp, vllm, or
    one of your own), or remote for the one at engine_url.
    engine_url: the base URL of a remote OpenAI-compatible engine.
    engine_key: whether the engine asks for a key: the worker reads the secret engine_api_key.
    model: the model that is asked for where a job names none; for vllm also what is loaded.
    model_url, model_sha256: where llama_cpp finds its GGUF file, and what it must be.
    scale_out: at how many waiting jobs how many instances are added.
    idle_minutes: how long nothing is queued, delayed or running until the group goes to its min.
    session_manager: let AWS Systems Manager open a shell; that needs no inbound rule.
  TEXT

  type = object({
    min             = optional(number, 0)
    max             = optional(number, 1)
    instance_type   = optional(string, "t4g.medium")
    architecture    = optional(string, "arm64")
    gpu             = optional(bool, false)
    ami_id          = optional(string)
    spot            = optional(bool, false)
    disk_gib        = optional(number)
    concurrency     = optional(number, 4)
    drain_seconds   = optional(number, 60)
    image           = optional(string)
    engine          = optional(string, "none")
    engine_url      = optional(string)
    engine_key      = optional(bool, false)
    model           = optional(string)
    model_url       = optional(string)
    model_sha256    = optional(string)
    idle_minutes    = optional(number, 10)
    session_manager = optional(bool, false)
    scale_out = optional(list(object({ depth = number, add = number })), [
      { depth = 1, add = 1 },
      { depth = 20, add = 2 },
      { depth = 100, add = 4 },
    ])
  })
  default = null

  validation {
    condition = var.worker == null ? true : (
      floor(var.worker.min) == var.worker.min && floor(var.worker.max) == var.worker.max &&
      0 <= var.worker.min && var.worker.min <= var.worker.max && var.worker.max <= 100
    )
    error_message = "worker.min and worker.max are whole numbers, 0 <= min <= max <= 100."
  }
  validation {
    condition     = var.worker == null ? true : contains(["arm64", "x86_64"], var.worker.architecture)
    error_message = "worker.architecture is arm64 or x86_64."
  }
  validation {
    condition     = var.worker == null ? true : can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", var.worker.instance_type))
    error_message = "worker.instance_type is an EC2 type, t4g.medium say."
  }
  # Amazon writes a g after the generation of its own processors: t4g, c7gn, g5g. A group whose image is
  # for another one is made without a word, and never starts an instance.
  validation {
    condition = var.worker == null ? true : (
      can(regex("^(a1|p6e-gb[0-9]+|[a-z]+[0-9]+g[a-z]*)\\.", var.worker.instance_type)) == (var.worker.architecture == "arm64")
    )
    error_message = "worker.architecture is that of worker.instance_type: arm64 for t4g, c7g and their like, x86_64 for g5, c7i and theirs."
  }
  validation {
    condition     = var.worker == null ? true : can(regex("^ami-[0-9a-f]+$", coalesce(var.worker.ami_id, "ami-0")))
    error_message = "worker.ami_id looks like ami-0123456789abcdef0."
  }
  validation {
    condition     = var.worker == null ? true : coalesce(var.worker.disk_gib, 30) >= 8 && coalesce(var.worker.disk_gib, 30) <= 2000
    error_message = "worker.disk_gib is 8 to 2000."
  }
  validation {
    condition     = var.worker == null ? true : var.worker.concurrency >= 1 && var.worker.concurrency <= 1000
    error_message = "worker.concurrency is 1 to 1000."
  }
  validation {
    condition     = var.worker == null ? true : var.worker.drain_seconds >= 1 && var.worker.drain_seconds <= 100
    error_message = "worker.drain_seconds is 1 to 100: EC2 cuts the power about two minutes after it said stop."
  }
  validation {
    condition     = var.worker == null ? true : can(regex("^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", coalesce(var.worker.image, "none")))
    error_message = "worker.image is a tag of the stage's ECR repository, worker-1.2.3 say."
  }
  validation {
    condition = var.worker == null ? true : (
      contains(["none", "remote"], var.worker.engine) ||
      can(regex("^[a-z0-9_]+$", var.worker.engine)) && fileexists("${path.module}/templates/engines/${var.worker.engine}.sh")
    )
    error_message = "worker.engine is none, remote, or the name of a script in templates/engines."
  }
  validation {
    condition     = var.worker == null ? true : (var.worker.engine == "remote") == (var.worker.engine_url != null)
    error_message = "worker.engine_url goes with worker.engine = \"remote\", and only with it."
  }
  validation {
    condition     = var.worker == null ? true : can(regex("^https?://[^/?#[:space:]'\"\\\\]+[^?#[:space:]'\"\\\\]*$", coalesce(var.worker.engine_url, "https://none")))
    error_message = "worker.engine_url is an http or https address."
  }
  validation {
    condition     = var.worker == null ? true : can(regex("^[A-Za-z0-9][A-Za-z0-9._:/-]*$", coalesce(var.worker.model, "none")))
    error_message = "worker.model is a model's name: letters, digits and ._:/-"
  }
  validation {
    condition = var.worker == null ? true : (
      can(regex("^https://[^[:space:]'\"\\\\]+$", coalesce(var.worker.model_url, "https://none"))) &&
      can(regex("^[0-9a-f]{64}$", coalesce(var.worker.model_sha256, sha256("")))) &&
      (var.worker.model_url == null) == (var.worker.model_sha256 == null) &&
      (var.worker.engine != "llama_cpp" || var.worker.model_url != null)
    )
    error_message = "worker.model_url (https) and worker.model_sha256 (64 hexadecimal digits) go together; llama_cpp needs them."
  }
  validation {
    condition     = var.worker == null ? true : !contains(["llama_cpp", "vllm"], var.worker.engine) || var.worker.model != null
    error_message = "worker.model must name the model that llama_cpp or vllm serves."
  }
  validation {
    condition     = var.worker == null ? true : var.worker.idle_minutes >= 2 && var.worker.idle_minutes <= 1440
    error_message = "worker.idle_minutes is 2 to 1440."
  }
  validation {
    condition = var.worker == null ? true : (
      length(var.worker.scale_out) >= 1 && try(var.worker.scale_out[0].depth, 0) == 1 &&
      alltrue([for step in var.worker.scale_out : step.add >= 1]) &&
      alltrue([for i in range(1, length(var.worker.scale_out)) : var.worker.scale_out[i].depth > var.worker.scale_out[i - 1].depth])
    )
    error_message = "worker.scale_out begins at depth 1, its depths grow, and each step adds an instance at least."
  }
}

locals {
  worker_count = var.worker == null ? 0 : min(var.worker.max, 1)
  worker       = one([for each in [var.worker] : each if local.worker_count > 0])
  worker_name  = "${local.name}-worker"

  # Amazon's own names of its newest images.
  worker_ami_parameter = try(
    local.worker.gpu
    ? "/aws/service/deeplearning/ami/${local.worker.architecture}/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id"
    : "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${local.worker.architecture}",
    null,
  )
  worker_ami_id = try(coalesce(local.worker.ami_id, one(data.aws_ssm_parameter.worker_ami[*].insecure_value)), null)

  # The code runs from the image or from the zip. A key that holds the hash never changes its
  # meaning: an instance gets what its launch template was made for, also while another is uploaded.
  worker_zip    = "${path.module}/worker.zip"
  worker_sha256 = local.worker_count > 0 ? filesha256(local.worker_zip) : ""
  worker_key    = "worker/${local.worker_sha256}.zip"
  worker_bucket = "${local.worker_name}-${local.account_id}-${var.region}"

  worker_engine_url = try(
    local.worker.engine == "none" ? null :
    local.worker.engine == "remote" ? local.worker.engine_url : "http://127.0.0.1:8000/v1",
    null,
  )
  worker_engine_script = try(file("${path.module}/templates/engines/${local.worker.engine}.sh"), null)

  worker_environment = {
    for name, value in merge(
      { for name, value in var.settings : name => value },
      {
        ENV            = var.stage
        STORE_URL      = local.store_urls["worker"]
        STORE_SIGN_IN  = local.store_sign_in
        STORE_REPLICAS = tostring(local.store_replicas)
        ENGINE_URL     = local.worker_engine_url
        ENGINE_MODEL   = try(local.worker.model, null)

        ENGINE_API_KEY_PARAMETER = try(local.worker.engine_key, false) ? "engine_api_key" : null
      },
    ) : "TINYLLAMA_${name}" => value if value != null
  }

  worker_user_data = local.worker_count == 0 ? null : templatefile(
    "${path.module}/templates/worker-user-data.sh.tftpl",
    {
      region        = var.region
      bucket        = local.worker_bucket
      key           = local.worker_key
      sha256        = local.worker_sha256
      image         = local.worker.image == null ? "" : "${local.repository_url}:${local.worker.image}"
      registry      = local.repository_host
      environment   = base64encode(join("", [for name, value in local.worker_environment : "${name}=${value}\n"]))
      concurrency   = local.worker.concurrency
      drain_seconds = local.worker.drain_seconds
      engine        = local.worker_engine_script == null ? "" : base64encode(local.worker_engine_script)
      engine_url    = coalesce(local.worker_engine_url, "none")
      gpu           = local.worker.gpu
      model         = local.worker.model == null ? "" : local.worker.model
      model_url     = local.worker.model_url == null ? "" : local.worker.model_url
      model_sha256  = local.worker.model_sha256 == null ? "" : local.worker.model_sha256
      log_group     = aws_cloudwatch_log_group.worker[0].name
    },
  )

  # default_tags reach neither an Auto Scaling group's instances nor their disks.
  worker_tags = { Name = local.worker_name, Environment = var.stage, Service = "tinyllama" }

  worker_ids = merge(
    local.worker_count == 0 ? {} : {
      worker_group_name      = one(aws_autoscaling_group.worker[*].name)
      worker_artifact_bucket = local.worker_bucket
    },
    local.repository_count == 0 ? {} : { worker_repository_url = local.repository_url },
  )
}

data "aws_ssm_parameter" "worker_ami" {
  count = local.worker_count > 0 && try(local.worker.ami_id, null) == null ? 1 : 0
  name  = local.worker_ami_parameter
}

# The code

resource "aws_s3_bucket" "worker" {
  count  = local.worker_count
  bucket = local.worker_bucket
  # Nothing in it but what packaging makes again from the same commit.
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "worker" {
  count                   = local.worker_count
  bucket                  = aws_s3_bucket.worker[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "worker" {
  count  = local.worker_count
  bucket = aws_s3_bucket.worker[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "worker" {
  count  = local.worker_count
  bucket = aws_s3_bucket.worker[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_versioning" "worker" {
  count  = local.worker_count
  bucket = aws_s3_bucket.worker[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "worker" {
  count      = local.worker_count
  bucket     = aws_s3_bucket.worker[0].id
  depends_on = [aws_s3_bucket_versioning.worker]

  # Terraform removes the object of the code before; its version stays for a rollback.
  rule {
    id     = "old-code"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 90
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_policy" "worker" {
  count      = local.worker_count
  bucket     = aws_s3_bucket.worker[0].id
  depends_on = [aws_s3_bucket_public_access_block.worker]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource = [
        "arn:${local.partition}:s3:::${local.worker_bucket}",
        "arn:${local.partition}:s3:::${local.worker_bucket}/*",
      ]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_s3_object" "worker" {
  count       = local.worker_count
  bucket      = aws_s3_bucket.worker[0].id
  key         = local.worker_key
  source      = local.worker_zip
  source_hash = local.worker_sha256
  depends_on  = [aws_s3_bucket_versioning.worker, aws_s3_bucket_server_side_encryption_configuration.worker]

  # The code of before goes last: until the launch template is new, instances start with it.
  lifecycle {
    create_before_destroy = true
  }
}

# What an instance may do

resource "aws_cloudwatch_log_group" "worker" {
  count             = local.worker_count
  name              = "/tinyllama/${var.stage}/worker"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "worker" {
  count                = local.worker_count
  name                 = local.worker_name
  description          = "A worker's instance: its code, its settings, the store, its log."
  permissions_boundary = local.permissions_boundary

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_instance_profile" "worker" {
  count = local.worker_count
  name  = local.worker_name
  role  = aws_iam_role.worker[0].name
}

locals {
  worker_image         = try(local.worker.image, null)
  worker_shell         = try(local.worker.session_manager, false)
  worker_log_group_arn = "${local.arn.logs}:log-group:/tinyllama/${var.stage}/worker"

  worker_statements = [for each in [
    {
      Sid      = "Settings"
      Action   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
      Resource = ["${local.arn.ssm}:parameter${local.ssm_prefix}/*"]
    },
    {
      Sid      = "Log"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = [local.worker_log_group_arn, "${local.worker_log_group_arn}:log-stream:*"]
    },
    {
      Sid      = "SignInToStore"
      Action   = local.store_connect_action == null ? [] : [local.store_connect_action]
      Resource = local.store_connect_arns["worker"]
    },
    {
      Sid      = "Code"
      Action   = local.worker_image == null ? ["s3:GetObject"] : []
      Resource = ["arn:${local.partition}:s3:::${local.worker_bucket}/${local.worker_key}"]
    },
    {
      Sid      = "Image"
      Action   = local.worker_image == null ? [] : ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = [local.repository_arn]
    },
    {
      # It stands for no repository, and AWS takes no other resource.
      Sid      = "ImageSignIn"
      Action   = local.worker_image == null ? [] : ["ecr:GetAuthorizationToken"]
      Resource = ["*"]
    },
    {
      # Session Manager's channels have no resource of their own.
      Sid = "Shell"
      Action = !local.worker_shell ? [] : [
        "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
      ]
      Resource = ["*"]
    },
    {
      Sid      = "ShellInstance"
      Action   = local.worker_shell ? ["ssm:UpdateInstanceInformation"] : []
      Resource = ["${local.arn.ec2}:instance/*"]
    },
  ] : merge(each, { Effect = "Allow" }) if length(each.Action) > 0 && length(each.Resource) > 0]
}

resource "aws_iam_role_policy" "worker" {
  count  = local.worker_count
  name   = "worker"
  role   = aws_iam_role.worker[0].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.worker_statements })
}

# The instances

resource "aws_launch_template" "worker" {
  count                                = local.worker_count
  name                                 = local.worker_name
  description                          = "A worker: code or image, engine, and nothing that can be connected to."
  image_id                             = local.worker_ami_id
  instance_type                        = local.worker.instance_type
  instance_initiated_shutdown_behavior = "terminate"
  update_default_version               = true
  user_data                            = base64encode(local.worker_user_data)

  iam_instance_profile {
    arn = aws_iam_instance_profile.worker[0].arn
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "disabled"
  }

  monitoring {
    enabled = false
  }

  # A public address is the way out, without NAT; the security groups have no way in.
  network_interfaces {
    associate_public_ip_address = true
    delete_on_termination       = true
    security_groups             = local.worker_security_group_ids
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = coalesce(local.worker.disk_gib, local.worker.gpu ? 150 : 30)
      encrypted             = true
      delete_on_termination = true
    }
  }

  dynamic "instance_market_options" {
    for_each = local.worker.spot ? ["spot"] : []

    content {
      market_type = instance_market_options.value
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume", "network-interface"])

    content {
      resource_type = tag_specifications.value
      tags          = local.worker_tags
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.worker_user_data) <= 16384
      error_message = "The worker's user data is over EC2's 16 KiB: shorten the engine's script or the settings."
    }
    precondition {
      condition     = alltrue([for value in local.worker_environment : can(regex("^[^'\"\\\\\\r\\n]*$", value))])
      error_message = "A setting of the worker holds a quote, a backslash or a line break, which systemd and Docker read differently."
    }
  }
}

resource "aws_autoscaling_group" "worker" {
  count                     = local.worker_count
  name                      = local.worker_name
  min_size                  = local.worker.min
  max_size                  = local.worker.max
  vpc_zone_identifier       = local.public_subnet_ids
  health_check_type         = "EC2"
  health_check_grace_period = 300
  default_instance_warmup   = 300
  enabled_metrics           = ["GroupDesiredCapacity", "GroupInServiceInstances"] # Free, for the dashboard.
  # Terraform does not wait for instances: there may be none for days.
  wait_for_capacity_timeout = "0"
  termination_policies      = ["OldestLaunchTemplate", "OldestInstance"]
  depends_on                = [aws_s3_object.worker, aws_iam_role_policy.worker]

  launch_template {
    id      = aws_launch_template.worker[0].id
    version = aws_launch_template.worker[0].latest_version
  }

  # A new launch template, by new code say, replaces what runs; each instance drains.
  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage = 50
      instance_warmup        = 300
    }
  }

  dynamic "tag" {
    for_each = local.worker_tags

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    # The policies below own it.
    ignore_changes = [desired_capacity]

    precondition {
      condition     = length(local.public_subnet_ids) > 0
      error_message = "A worker needs a public subnet: name public_subnet_ids of the existing VPC."
    }
  }
}

# How many: the tick measures the queue each minute, also while no worker lives.

resource "aws_autoscaling_policy" "worker_out" {
  count                     = local.worker_count
  name                      = "out"
  autoscaling_group_name    = aws_autoscaling_group.worker[0].name
  policy_type               = "StepScaling"
  adjustment_type           = "ChangeInCapacity"
  metric_aggregation_type   = "Maximum"
  estimated_instance_warmup = 300

  # Instances that still warm up count, so that a step is taken once, not each minute. Bounds are
  # told from the alarm's threshold, which is a depth of 1.
  dynamic "step_adjustment" {
    for_each = local.worker.scale_out

    content {
      scaling_adjustment          = step_adjustment.value.add
      metric_interval_lower_bound = step_adjustment.value.depth - 1
      metric_interval_upper_bound = try(local.worker.scale_out[step_adjustment.key + 1].depth - 1, null)
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "worker_out" {
  count               = local.worker_count
  alarm_name          = "${local.worker_name}-out"
  alarm_description   = "Jobs wait: workers are added. Not a fault."
  namespace           = "TinyLlama"
  metric_name         = "QueueDepth"
  dimensions          = { Environment = var.stage }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_autoscaling_policy.worker_out[0].arn]
}

resource "aws_autoscaling_policy" "worker_in" {
  count                   = local.worker_count
  name                    = "in"
  autoscaling_group_name  = aws_autoscaling_group.worker[0].name
  policy_type             = "StepScaling"
  adjustment_type         = "ExactCapacity"
  metric_aggregation_type = "Maximum"

  # Whatever the measure says below the threshold: all of them idle.
  step_adjustment {
    scaling_adjustment          = local.worker.min
    metric_interval_upper_bound = 0
  }
}

resource "aws_cloudwatch_metric_alarm" "worker_in" {
  count               = local.worker_count
  alarm_name          = "${local.worker_name}-in"
  alarm_description   = "Nothing was queued, delayed or running for a while: workers go. Not a fault."
  evaluation_periods  = local.worker.idle_minutes
  datapoints_to_alarm = local.worker.idle_minutes
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  # Unmeasured is not idle: a tick that fails must not end workers that work.
  treat_missing_data = "notBreaching"
  alarm_actions      = [aws_autoscaling_policy.worker_in[0].arn]

  metric_query {
    id          = "work"
    expression  = "queued + delayed + running"
    label       = "Jobs that have not ended"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { queued = "QueueDepth", delayed = "DelayedJobs", running = "RunningJobs" }

    content {
      id = metric_query.key

      metric {
        namespace   = "TinyLlama"
        metric_name = metric_query.value
        dimensions  = { Environment = var.stage }
        period      = 60
        stat        = "Maximum"
      }
    }
  }
}
