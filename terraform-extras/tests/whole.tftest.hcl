# A stage as a whole: as its file says, and with everything switched on.

mock_provider "aws" {
  source = "./tests/mocks"
}

# Nothing overridden: what the stage's file says, applied.
run "the_stage_as_it_is" {
  command = apply

  assert {
    condition     = var.stage != "prod" || var.redis_kind == "replicated" && aws_elasticache_replication_group.store[0].multi_az_enabled && aws_lambda_function.api_handler.environment[0].variables["TINYLLAMA_STORE_REPLICAS"] == "1"
    error_message = "prod is replicated, and each write waits for the replica."
  }
  assert {
    condition     = var.stage != "prod" || var.deletion_protection && aws_elasticache_replication_group.store[0].final_snapshot_identifier == "tinyllama-prod-last" && var.log_retention_days >= 365
    error_message = "prod is protected from deletion, and keeps its logs for a year."
  }
  assert {
    condition     = alltrue([for key in ["api_url", "vpc_id", "store_url", "issuer", "audience"] : contains(keys(output.registry), key)])
    error_message = "The registry tells where everything is."
  }
}

# As many policies as there can be; tests/infra reads them all.
run "everything_switched_on" {
  command = apply

  variables {
    enable_nat_gw       = true
    interface_endpoints = ["ssm"]
    redis_kind          = "durable"
    store_url           = null
    existing_network    = null
    functions           = { api_handler = { provisioned_concurrency = 1 } }
    domain              = { name = "api.example.org", zone_id = "Z0123456789" }
    worker              = { max = 2, session_manager = true }
    github              = { repository = "owner/name" }
  }

  assert {
    condition = alltrue([
      for role in [
        aws_iam_role.api_handler_role, aws_iam_role.jwt_authorizer_role, aws_iam_role.tick_role, aws_iam_role.flow[0],
      ] : role.permissions_boundary == local.permissions_boundary && role.permissions_boundary != null
    ])
    error_message = "Where a pipeline may make roles, each role has the boundary."
  }
}
