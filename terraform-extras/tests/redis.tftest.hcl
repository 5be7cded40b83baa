# Which store each kind is, and how it is reached.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  store_url       = null
  redis_node_type = null
}

run "cache_is_one_node" {
  command = apply

  variables {
    redis_kind = "cache"
  }

  assert {
    condition     = aws_elasticache_replication_group.store[0].num_cache_clusters == 1 && !aws_elasticache_replication_group.store[0].automatic_failover_enabled && aws_elasticache_replication_group.store[0].node_type == "cache.t4g.micro"
    error_message = "A cache is one small node."
  }
  assert {
    condition     = aws_elasticache_replication_group.store[0].transit_encryption_mode == "required" && aws_elasticache_replication_group.store[0].transit_encryption_enabled && aws_elasticache_replication_group.store[0].at_rest_encryption_enabled
    error_message = "TLS is required, and what rests is encrypted."
  }
  assert {
    condition     = aws_elasticache_parameter_group.store[0].parameter == toset([{ name = "maxmemory-policy", value = "noeviction" }])
    error_message = "A full store refuses, it forgets nothing."
  }
  assert {
    condition     = alltrue([for user in values(aws_elasticache_user.store) : user.user_id == user.user_name && user.authentication_mode[0].type == "iam"])
    error_message = "Each role signs in with IAM, which wants user's id and name to be one."
  }
  assert {
    condition     = aws_elasticache_user_group.store[0].user_ids == toset([for role in ["api-handler", "tick", "worker", "operator"] : "tinyllama-${var.stage}-${role}"])
    error_message = "The three roles, the operator and nobody else may sign in: no default user."
  }
  assert {
    condition = alltrue([
      for user in values(aws_elasticache_user.store) :
      startswith(user.access_string, "on ~tl:* resetchannels -@all +") && !strcontains(user.access_string, "+@") && !strcontains(user.access_string, "&*")
    ])
    error_message = "A user reaches our keys with named commands, and no channel."
  }
  assert {
    condition     = [for role, user in aws_elasticache_user.store : role if strcontains(user.access_string, "+scan")] == ["operator"]
    error_message = "The operator alone may search."
  }
  assert {
    condition     = aws_lambda_function.api_handler.environment[0].variables["TINYLLAMA_STORE_URL"] == "rediss://tinyllama-${var.stage}-api-handler@master.mock.abcdef.use1.cache.amazonaws.com:6379"
    error_message = "The API signs in as itself, over TLS."
  }
  assert {
    condition     = aws_lambda_function.tick.environment[0].variables["TINYLLAMA_STORE_URL"] == "rediss://tinyllama-${var.stage}-tick@master.mock.abcdef.use1.cache.amazonaws.com:6379"
    error_message = "The tick signs in as itself, over TLS."
  }
  assert {
    condition     = aws_lambda_function.api_handler.environment[0].variables["TINYLLAMA_STORE_SIGN_IN"] == "elasticache:tinyllama-${var.stage}" && aws_lambda_function.api_handler.environment[0].variables["TINYLLAMA_STORE_REPLICAS"] == "0"
    error_message = "The API signs for this ElastiCache, and waits for no replica."
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_role_policy.api_handler_role.policy).Statement :
      statement.Action == ["elasticache:Connect"] && statement.Resource == [
        "arn:aws:elasticache:${var.region}:123456789012:replicationgroup:tinyllama-${var.stage}",
        "arn:aws:elasticache:${var.region}:123456789012:user:tinyllama-${var.stage}-api-handler",
      ]
    ])
    error_message = "The API may sign in to this store as its own user, and to no other."
  }
  assert {
    condition     = length(aws_memorydb_cluster.store) == 0
    error_message = "One store, not two."
  }
  assert {
    condition     = keys(local.redis_alarm_dimensions) == ["tinyllama-${var.stage}-001"]
    error_message = "Alarms watch the one node."
  }
}

run "replicated_fails_over" {
  command = apply

  variables {
    redis_kind      = "replicated"
    redis_snapshot  = "tinyllama-last"
    redis_node_type = "r7g.large"
  }

  assert {
    condition     = aws_elasticache_replication_group.store[0].snapshot_name == "tinyllama-last"
    error_message = "A restore is made from the snapshot that is named."
  }
  assert {
    condition     = aws_elasticache_replication_group.store[0].num_cache_clusters == 2 && aws_elasticache_replication_group.store[0].automatic_failover_enabled && aws_elasticache_replication_group.store[0].multi_az_enabled
    error_message = "Two nodes in two zones, with automatic failover."
  }
  assert {
    condition     = aws_elasticache_replication_group.store[0].node_type == "cache.r7g.large" && aws_elasticache_replication_group.store[0].snapshot_retention_limit == 7
    error_message = "The class that was asked for, a week of snapshots."
  }
  assert {
    condition     = aws_lambda_function.api_handler.environment[0].variables["TINYLLAMA_STORE_REPLICAS"] == "1" && aws_lambda_function.tick.environment[0].variables["TINYLLAMA_STORE_REPLICAS"] == "1"
    error_message = "Every write waits for the replica: without WAIT 1 a failover loses acknowledged jobs."
  }
  assert {
    condition     = keys(local.redis_alarm_dimensions) == ["tinyllama-${var.stage}-001", "tinyllama-${var.stage}-002"]
    error_message = "Alarms watch both nodes."
  }
}

run "durable_is_memorydb" {
  command = apply

  variables {
    redis_kind     = "durable"
    redis_snapshot = "tinyllama-last"
  }

  assert {
    condition     = aws_memorydb_cluster.store[0].snapshot_name == "tinyllama-last"
    error_message = "A restore is made from the snapshot that is named."
  }
  assert {
    condition     = aws_memorydb_cluster.store[0].tls_enabled && aws_memorydb_cluster.store[0].num_replicas_per_shard == 1 && aws_memorydb_cluster.store[0].num_shards == 1 && aws_memorydb_cluster.store[0].snapshot_retention_limit == 7
    error_message = "One shard with a replica, TLS, a week of snapshots."
  }
  assert {
    condition     = aws_memorydb_parameter_group.store[0].parameter == toset([{ name = "maxmemory-policy", value = "noeviction" }])
    error_message = "A full store refuses, it forgets nothing."
  }
  assert {
    condition     = aws_memorydb_acl.store[0].user_names == toset([for role in ["api-handler", "tick", "worker", "operator"] : "tinyllama-${var.stage}-${role}"]) && aws_memorydb_cluster.store[0].acl_name == "tinyllama-${var.stage}"
    error_message = "The three roles, the operator and nobody else may sign in."
  }
  assert {
    condition     = aws_lambda_function.api_handler.environment[0].variables["TINYLLAMA_STORE_URL"] == "rediss://tinyllama-${var.stage}-api-handler@clustercfg.mock.abcdef.memorydb.us-east-1.amazonaws.com:6379" && aws_lambda_function.api_handler.environment[0].variables["TINYLLAMA_STORE_SIGN_IN"] == "memorydb:tinyllama-${var.stage}"
    error_message = "The API signs for this MemoryDB as itself, over TLS."
  }
  assert {
    condition     = aws_lambda_function.api_handler.environment[0].variables["TINYLLAMA_STORE_REPLICAS"] == "0"
    error_message = "MemoryDB acknowledges what lies in its log: no WAIT."
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_role_policy.tick_role.policy).Statement :
      statement.Action == ["memorydb:Connect"] && statement.Resource == [
        "arn:aws:memorydb:${var.region}:123456789012:cluster/tinyllama-${var.stage}",
        "arn:aws:memorydb:${var.region}:123456789012:user/tinyllama-${var.stage}-tick",
      ]
    ])
    error_message = "The tick may sign in to this store as its own user, and to no other."
  }
  assert {
    condition     = length(aws_elasticache_replication_group.store) == 0
    error_message = "One store, not two."
  }
}

run "external_is_your_own" {
  command = apply

  variables {
    redis_kind = "external"
    store_url  = "rediss://router@store.example.org:6390/0"
  }

  assert {
    condition     = length(aws_elasticache_replication_group.store) == 0 && length(aws_memorydb_cluster.store) == 0 && length(aws_security_group.redis) == 0
    error_message = "No store is made."
  }
  assert {
    condition     = aws_lambda_function.tick.environment[0].variables["TINYLLAMA_STORE_URL"] == "rediss://router@store.example.org:6390/0" && !contains(keys(aws_lambda_function.tick.environment[0].variables), "TINYLLAMA_STORE_SIGN_IN")
    error_message = "The functions go where they are told, and sign nothing."
  }
  assert {
    condition     = alltrue([for rule in values(aws_vpc_security_group_egress_rule.external_store) : rule.from_port == 6390 && rule.to_port == 6390])
    error_message = "The store's port is open, and no other."
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.api_handler_role.policy, ":Connect")
    error_message = "There is nothing to sign in to."
  }
}
