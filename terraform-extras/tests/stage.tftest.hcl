# Names, tags, and what is refused before anything is made.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "names_carry_the_stage" {
  command = plan

  variables {
    stage            = "v1"
    existing_network = null
    redis_kind       = "cache"
    store_url        = null
  }

  assert {
    condition = alltrue([
      for name in concat(
        [for one in values(local.functions) : one.function_name],
        [aws_iam_role.api_handler_role.name, aws_iam_role.jwt_authorizer_role.name, aws_iam_role.tick_role.name],
        [aws_iam_role.flow[0].name],
        [aws_cloudwatch_event_rule.tick-event.name, aws_cloudwatch_event_rule.warmer[0].name],
        [aws_api_gateway_rest_api.rest_api.name, aws_sqs_queue.dead_letters.name],
        [aws_elasticache_replication_group.store[0].replication_group_id, aws_elasticache_user_group.store[0].user_group_id],
        [aws_elasticache_subnet_group.store[0].name, aws_elasticache_parameter_group.store[0].name],
        [aws_security_group.functions[0].name, aws_security_group.redis[0].name, aws_security_group.worker[0].name],
        [for one in values(aws_elasticache_user.store) : one.user_id],
      ) : name == "tinyllama-v1" || startswith(name, "tinyllama-v1-")
    ])
    error_message = "Two stages share an account: every name has its stage in it."
  }
  assert {
    condition = alltrue([
      for name in concat(
        [for one in values(aws_cloudwatch_log_group.function) : one.name],
        [aws_cloudwatch_log_group.access.name, aws_cloudwatch_log_group.flow[0].name],
        [for one in values(aws_ssm_parameter.registry) : one.name],
      ) : startswith(name, "/aws/lambda/tinyllama-v1") || startswith(name, "/tinyllama/v1/")
    ])
    error_message = "Log groups and parameters have their stage in them."
  }
}

run "bad_variables_are_refused" {
  command = plan

  variables {
    stage               = "Dev_1"
    region              = "mars"
    architecture        = "riscv"
    cors_origin         = "https://app.example/path"
    log_retention_days  = 10
    log_level           = "LOUD"
    vpc_cidr            = "10.20.0.0/30"
    redis_kind          = "fast"
    tenant_claim        = "two words"
    throttling          = { rate = 0 }
    interface_endpoints = ["com amazonaws"]
    functions           = { api_handler = { timeout = 20 } }
    settings            = { STORE_URL = "redis://elsewhere" }
    domain              = { name = "api.example.org" }
    existing_network    = null
    api_key_jwks        = { keys = [] }
  }

  expect_failures = [
    var.api_key_jwks, var.stage, var.region, var.architecture, var.cors_origin, var.log_retention_days, var.log_level, var.vpc_cidr,
    var.redis_kind, var.tenant_claim, var.throttling, var.interface_endpoints, var.functions, var.settings,
    var.domain,
  ]
}

run "passwords_are_refused" {
  command = plan

  variables {
    redis_kind       = "external"
    store_url        = "redis://user:password@elsewhere:6379"
    redis_snapshot   = "tinyllama-last"
    redis_node_type  = "cache.t4g.micro"
    vpc_cidr         = "10.0.0.0/8"
    functions        = { tick = { memory = 64 } }
    settings         = { ENGINE_PASSWORD = "x" }
    domain           = { name = "https://api.example.org", certificate_arn = "arn" }
    existing_network = { vpc_id = "main", private_subnet_ids = ["subnet-0aaa"] }
  }

  expect_failures = [
    var.store_url, var.redis_snapshot, var.redis_node_type, var.vpc_cidr, var.functions, var.settings, var.domain, var.existing_network,
  ]
}

run "memorydb_has_few_classes" {
  command = plan

  variables {
    redis_kind       = "durable"
    redis_node_type  = "t4g.micro"
    existing_network = { vpc_id = "vpc-0aaa", private_subnet_ids = ["subnet-0aaa", "subnet-0bbb"], redis_security_group_ids = [] }
  }

  expect_failures = [var.redis_node_type, var.existing_network]
}

run "external_needs_an_address" {
  command = plan

  variables {
    redis_kind          = "external"
    store_url           = null
    stage               = "a--b"
    functions           = { api_handler = { reserved_concurrency = 1, provisioned_concurrency = 2 } }
    settings            = { queue_length = "1" }
    enable_nat_gw       = true
    existing_network    = { vpc_id = "vpc-0aaa", private_subnet_ids = ["subnet-0aaa", "subnet-0bbb"] }
    interface_endpoints = ["ssm"]
  }

  expect_failures = [var.store_url, var.stage, var.functions, var.settings, var.existing_network]
}

run "a_private_key_in_the_stages_file_is_refused" {
  command = plan

  variables {
    api_key_jwks = { keys = [
      { kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", d = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A" },
    ] }
  }

  expect_failures = [var.api_key_jwks]
}

run "a_signing_key_of_another_kind_is_refused" {
  command = plan

  variables {
    api_key_jwks = { keys = [
      { kty = "EC", crv = "P-256", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" },
    ] }
  }

  expect_failures = [var.api_key_jwks]
}

run "a_signing_key_for_another_use_is_refused" {
  command = plan

  variables {
    api_key_jwks = { keys = [
      { kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", use = "enc" },
    ] }
  }

  expect_failures = [var.api_key_jwks]
}

run "a_cut_signing_key_is_refused" {
  command = plan

  variables {
    api_key_jwks = { keys = [
      { kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHU", kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" },
    ] }
  }

  expect_failures = [var.api_key_jwks]
}

run "two_signing_keys_of_one_kid_are_refused" {
  command = plan

  variables {
    api_key_jwks = { keys = [
      { kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" },
      { kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" },
    ] }
  }

  expect_failures = [var.api_key_jwks]
}

run "three_signing_keys_are_refused" {
  command = plan

  variables {
    api_key_jwks = { keys = [
      { kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" },
      { kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4l" },
      { kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4m" },
    ] }
  }

  expect_failures = [var.api_key_jwks]
}
