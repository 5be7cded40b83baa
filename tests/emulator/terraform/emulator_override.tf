# Laid beside the rest only where the stack is applied to the emulator: what it cannot, or reports
# otherwise than AWS does. How it is reached comes from the environment.

provider "aws" {
  max_retries       = 4    # 25 by default: a gap in the emulator would hang for an hour.
  s3_use_path_style = true # bucket.127.0.0.1 is no host name.
}

locals {
  # The emulated ElastiCache starts no server without Docker: the suite's own stands for it.
  store_urls = { for role, user in local.store_users : role => "rediss://${user}@${var.emulator_store}" }
  store_url  = "rediss://${var.emulator_store}"
  # Tokens name the issuer's address on AWS, where the keys of an emulated pool are not.
  jwks = "${var.emulator_url}/${aws_cognito_user_pool.main[0].id}/.well-known/jwks.json"
  # Names under amazonaws.com and amazoncognito.com lead nowhere here.
  token_url    = "${var.emulator_url}/oauth2/token"
  endpoint_url = "${var.emulator_url}/_aws/execute-api/${aws_api_gateway_rest_api.rest_api.id}/${aws_api_gateway_stage.rest_api.stage_name}"
  # The Postman collection plays every part at once, with one token.
  machine_scopes = {
    operator = ["keys:admin", "queue:admin", "metrics:read"]
    worker   = ["worker:run"]
    app      = local.caller_scopes
    postman  = keys(local.scopes)
  }
}

resource "aws_cognito_user_pool_client" "machine" {
  for_each = local.machine_scopes
}

# Stored, and reported otherwise: without these a second plan would show changes.

# Also the parameters that nobody set.
resource "aws_elasticache_parameter_group" "store" {
  lifecycle {
    ignore_changes = [parameter]
  }
}

# As false.
resource "aws_elasticache_replication_group" "store" {
  lifecycle {
    ignore_changes = [auto_minor_version_upgrade]
  }
}

# As "no-password".
resource "aws_elasticache_user" "store" {
  lifecycle {
    ignore_changes = [authentication_mode]
  }
}

# Without role, interval and tags.
resource "aws_flow_log" "main" {
  lifecycle {
    ignore_changes = [iam_role_arn, max_aggregation_interval, tags, tags_all]
  }
}

# Without warmup and metrics.
resource "aws_autoscaling_group" "worker" {
  lifecycle {
    ignore_changes = [default_instance_warmup, desired_capacity, enabled_metrics]
  }
}

# Without the network interface's security groups.
resource "aws_launch_template" "worker" {
  lifecycle {
    ignore_changes = [network_interfaces]
  }
}

# Without private names and security groups.
resource "aws_vpc_endpoint" "interface" {
  lifecycle {
    ignore_changes = [private_dns_enabled, security_group_ids]
  }
}
