# The store: which one, how it is reached, and who may do what in it.

variable "redis_kind" {
  description = <<-TEXT
    Which store, and so what a 2xx survives. Whatever it is, a client, a function or a worker that dies loses nothing.
    cache: one ElastiCache node, the cheapest; loses all when its process, node or zone is lost (the daily snapshot is for moving, not for safety).
    replicated: ElastiCache in two zones with automatic failover; each write waits for the replica (WAIT 1, 503 where it is not met), so a failover loses nothing acknowledged.
    durable: MemoryDB, whose writes lie in a log over several zones before they are acknowledged; loses nothing.
    external: a store of your own at store_url, with its own guarantees.
  TEXT
  type        = string
  default     = "cache"
  nullable    = false

  validation {
    condition     = contains(["cache", "replicated", "durable", "external"], var.redis_kind)
    error_message = "redis_kind is cache, replicated, durable or external."
  }
}

variable "redis_node_type" {
  description = "Instance class of the store's nodes, without its prefix (cache. or db.): t4g.micro, r7g.large; null for the smallest that the kind has."
  type        = string
  default     = null

  validation {
    condition     = var.redis_node_type == null || can(regex("^[a-z][a-z0-9]+\\.[a-z0-9]+$", var.redis_node_type))
    error_message = "redis_node_type is a class and a size, t4g.small say, without cache. or db. before it."
  }

  validation {
    condition     = var.redis_kind != "durable" || can(regex("^(t4g\\.(small|medium)|r[0-9]+gd?\\.[a-z0-9]+)$", coalesce(var.redis_node_type, "t4g.small")))
    error_message = "MemoryDB has the classes t4g.small and t4g.medium, and those with much memory, r7g.large say."
  }
}

variable "store_url" {
  description = "Where a store of your own is, redis:// or rediss://, for redis_kind external only. No password in it: it would lie in state, plan and function settings."
  type        = string
  default     = null

  validation {
    condition     = var.store_url == null || can(regex("^rediss?://([^:@/\\s]+@)?[^:@/\\s]+(:[0-9]+)?(/[0-9]+)?$", var.store_url))
    error_message = "store_url is redis[s]://[user@]host[:port] without a password."
  }

  validation {
    condition     = (var.redis_kind == "external") == (var.store_url != null)
    error_message = "store_url is for redis_kind external, and external needs it."
  }
}

variable "redis_snapshot" {
  description = "Name of a snapshot to make the store from, null for an empty one. Another name makes the store anew; leave it in place after a restore."
  type        = string
  default     = null

  validation {
    condition     = var.redis_snapshot == null || can(regex("^[A-Za-z][A-Za-z0-9.:-]*$", var.redis_snapshot))
    error_message = "redis_snapshot is a snapshot's name, tinyllama-prod-last or automatic.tinyllama-prod-2026-11-20-03-00 say."
  }

  validation {
    condition     = var.redis_snapshot == null || var.redis_kind != "external"
    error_message = "redis_snapshot is for a store that is made here, not for redis_kind external."
  }
}

locals {
  elasticache = contains(["cache", "replicated"], var.redis_kind) ? 1 : 0
  memorydb    = var.redis_kind == "durable" ? 1 : 0
  replicas    = var.redis_kind == "replicated" ? 1 : 0

  # Nothing but our keys, no channel, and the commands the product was tested to need; the operator
  # searches besides, to erase a tenant.
  store_users = {
    for role in ["api_handler", "tick", "worker", "operator"] : role => "${local.name}-${replace(role, "_", "-")}"
  }
  store_acls = { for role in keys(local.store_users) : role => join(" ", concat(
    ["on", "~tl:*", "resetchannels", "-@all"],
    formatlist("+%s", concat(local.store_commands, role == "operator" ? local.store_operator_commands : [])),
  )) }
  store_commands          = jsondecode(file("${path.module}/store-commands.json"))
  store_operator_commands = jsondecode(file("${path.module}/store-operator-commands.json"))

  store_host = one(concat(
    aws_elasticache_replication_group.store[*].primary_endpoint_address,
    aws_memorydb_cluster.store[*].cluster_endpoint[0].address,
  ))
  store_urls = {
    for role, user in local.store_users :
    role => var.redis_kind == "external" ? var.store_url : "rediss://${user}@${local.store_host}:6379"
  }
  # Where the store is, whoever asks.
  store_url           = var.redis_kind == "external" ? var.store_url : "rediss://${local.store_host}:6379"
  external_store_port = tonumber(try(regex(":([0-9]+)(?:/[0-9]+)?$", coalesce(var.store_url, "none"))[0], 6379))

  store_sign_in = lookup({
    cache      = "elasticache:${local.name}"
    replicated = "elasticache:${local.name}"
    durable    = "memorydb:${local.name}"
  }, var.redis_kind, null)
  store_replicas = local.replicas
  store_connect_action = lookup({
    cache      = "elasticache:Connect"
    replicated = "elasticache:Connect"
    durable    = "memorydb:Connect"
  }, var.redis_kind, null)
  store_connect_arns = {
    for role, user in local.store_users : role => concat(
      local.elasticache == 1 ? ["${local.arn.elasticache}:replicationgroup:${local.name}", "${local.arn.elasticache}:user:${user}"] : [],
      local.memorydb == 1 ? ["${local.arn.memorydb}:cluster/${local.name}", "${local.arn.memorydb}:user/${user}"] : [],
    )
  }

  # CloudWatch's words for each node, by the node's name; none for a store of your own.
  redis_alarm_namespace = lookup({
    cache      = "AWS/ElastiCache"
    replicated = "AWS/ElastiCache"
    durable    = "AWS/MemoryDB"
  }, var.redis_kind, null)
  redis_alarm_dimensions = merge(
    { for number in range(local.elasticache * (1 + local.replicas)) :
      "${local.name}-00${number + 1}" => { CacheClusterId = "${local.name}-00${number + 1}" }
    },
    { for number in range(local.memorydb * 2) :
      "${local.name}-0001-00${number + 1}" => { ClusterName = local.name, NodeName = "${local.name}-0001-00${number + 1}" }
    },
  )

  snapshot_window    = "03:00-04:00"
  maintenance_window = "sun:04:30-sun:05:30"
}

resource "aws_elasticache_subnet_group" "store" {
  count       = local.elasticache
  name        = local.name
  description = "The private subnets"
  subnet_ids  = local.private_subnet_ids
}

resource "aws_elasticache_parameter_group" "store" {
  count       = local.elasticache
  name        = "${local.name}-valkey8"
  family      = "valkey8"
  description = "A queue refuses writes when full and never forgets a job"

  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_elasticache_user" "store" {
  for_each      = local.elasticache == 1 ? local.store_users : {}
  user_id       = each.value
  user_name     = each.value # IAM sign-in wants both names equal.
  engine        = "valkey"
  access_string = local.store_acls[each.key]

  authentication_mode {
    type = "iam"
  }
}

# Without a user named default, Valkey lets nobody in who has not signed in.
resource "aws_elasticache_user_group" "store" {
  count         = local.elasticache
  user_group_id = local.name
  engine        = "valkey"
  user_ids      = [for user in aws_elasticache_user.store : user.user_id]
}

resource "aws_elasticache_replication_group" "store" {
  count                      = local.elasticache
  replication_group_id       = local.name
  description                = "Jobs and inboxes of ${local.name}"
  engine                     = "valkey"
  engine_version             = "8.0"
  node_type                  = "cache.${coalesce(var.redis_node_type, "t4g.micro")}"
  num_cache_clusters         = 1 + local.replicas
  automatic_failover_enabled = local.replicas == 1
  multi_az_enabled           = local.replicas == 1
  port                       = 6379
  parameter_group_name       = aws_elasticache_parameter_group.store[0].name
  subnet_group_name          = aws_elasticache_subnet_group.store[0].name
  security_group_ids         = local.redis_security_group_ids
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  user_group_ids             = [aws_elasticache_user_group.store[0].user_group_id]
  snapshot_name              = var.redis_snapshot
  snapshot_retention_limit   = local.replicas == 1 ? 7 : 1
  snapshot_window            = local.snapshot_window
  final_snapshot_identifier  = var.deletion_protection ? "${local.name}-last" : null
  maintenance_window         = local.maintenance_window
  auto_minor_version_upgrade = true
  apply_immediately          = true
}

resource "aws_memorydb_subnet_group" "store" {
  count       = local.memorydb
  name        = local.name
  description = "The private subnets"
  subnet_ids  = local.private_subnet_ids
}

resource "aws_memorydb_parameter_group" "store" {
  count       = local.memorydb
  name        = "${local.name}-valkey7"
  family      = "memorydb_valkey7"
  description = "A queue refuses writes when full and never forgets a job"

  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_memorydb_user" "store" {
  for_each      = local.memorydb == 1 ? local.store_users : {}
  user_name     = each.value
  access_string = local.store_acls[each.key]

  authentication_mode {
    type = "iam"
  }
}

# Without a user named default nobody gets in who has not signed in.
resource "aws_memorydb_acl" "store" {
  count      = local.memorydb
  name       = local.name
  user_names = [for user in aws_memorydb_user.store : user.user_name]
}

resource "aws_memorydb_cluster" "store" {
  count                      = local.memorydb
  name                       = local.name
  description                = "Jobs and inboxes of ${local.name}"
  engine                     = "valkey"
  engine_version             = "7.3"
  node_type                  = "db.${coalesce(var.redis_node_type, "t4g.small")}"
  num_shards                 = 1
  num_replicas_per_shard     = 1
  port                       = 6379
  acl_name                   = aws_memorydb_acl.store[0].name
  parameter_group_name       = aws_memorydb_parameter_group.store[0].name
  subnet_group_name          = aws_memorydb_subnet_group.store[0].name
  security_group_ids         = local.redis_security_group_ids
  tls_enabled                = true
  snapshot_name              = var.redis_snapshot
  snapshot_retention_limit   = 7
  snapshot_window            = local.snapshot_window
  final_snapshot_name        = var.deletion_protection ? "${local.name}-last" : null
  maintenance_window         = local.maintenance_window
  auto_minor_version_upgrade = true
}
