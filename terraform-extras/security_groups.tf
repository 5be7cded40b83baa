# Who may talk to whom: groups of functions, workers, store and endpoints, and every rule of them.

locals {
  named_groups = {
    functions = try(var.existing_network.function_security_group_ids, null)
    worker    = try(var.existing_network.worker_security_group_ids, null)
    redis     = try(var.existing_network.redis_security_group_ids, null)
  }
  made_groups = {
    functions = local.named_groups.functions == null ? 1 : 0
    worker    = local.named_groups.worker == null ? 1 : 0
    redis     = local.named_groups.redis == null && var.redis_kind != "external" ? 1 : 0
  }

  function_security_group_ids = coalesce(local.named_groups.functions, aws_security_group.functions[*].id)
  worker_security_group_ids   = coalesce(local.named_groups.worker, aws_security_group.worker[*].id)
  redis_security_group_ids    = coalesce(local.named_groups.redis, aws_security_group.redis[*].id)

  # Who may reach the store, and out of which groups of ours; keys are known before any id is.
  store_clients = merge(
    { for index, id in local.function_security_group_ids : "functions-${index}" => id },
    { for index, id in local.worker_security_group_ids : "worker-${index}" => id },
  )
  store_outlets = merge(
    { for index, group in aws_security_group.functions : "functions-${index}" => group.id },
    { for index, group in aws_security_group.worker : "worker-${index}" => group.id },
  )
}

resource "aws_security_group" "functions" {
  count       = local.made_groups.functions
  name        = "${local.name}-functions"
  description = "Functions in the private subnets"
  vpc_id      = local.vpc_id
  tags        = { Name = "${local.name}-functions" }
}

resource "aws_security_group" "worker" {
  count       = local.made_groups.worker
  name        = "${local.name}-worker"
  description = "Workers, which nobody calls"
  vpc_id      = local.vpc_id
  tags        = { Name = "${local.name}-worker" }
}

resource "aws_security_group" "redis" {
  count       = local.made_groups.redis
  name        = "${local.name}-redis"
  description = "The store"
  vpc_id      = local.vpc_id
  tags        = { Name = "${local.name}-redis" }
}

resource "aws_security_group" "endpoints" {
  count       = local.endpoints
  name        = "${local.name}-endpoints"
  description = "Interface endpoints"
  vpc_id      = local.vpc_id
  tags        = { Name = "${local.name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "redis" {
  for_each                     = local.made_groups.redis == 1 ? local.store_clients : {}
  description                  = "Store, from ${each.key}"
  security_group_id            = aws_security_group.redis[0].id
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

resource "aws_vpc_security_group_egress_rule" "redis" {
  for_each                     = length(local.redis_security_group_ids) > 0 ? local.store_outlets : {}
  description                  = "To the store"
  security_group_id            = each.value
  referenced_security_group_id = local.redis_security_group_ids[0]
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

# A store of your own may be anywhere.
resource "aws_vpc_security_group_egress_rule" "external_store" {
  for_each          = var.redis_kind == "external" ? local.store_outlets : {}
  description       = "To the store elsewhere"
  security_group_id = each.value
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = local.external_store_port
  to_port           = local.external_store_port
}

# Engines, packages and models come over HTTPS.
resource "aws_vpc_security_group_egress_rule" "worker_https" {
  count             = local.made_groups.worker
  description       = "HTTPS to anywhere"
  security_group_id = aws_security_group.worker[0].id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "functions_nat" {
  count             = local.made_groups.functions * local.nat
  description       = "HTTPS to anywhere, by NAT"
  security_group_id = aws_security_group.functions[0].id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "functions_endpoints" {
  count                        = local.made_groups.functions * local.endpoints
  description                  = "To interface endpoints"
  security_group_id            = aws_security_group.functions[0].id
  referenced_security_group_id = aws_security_group.endpoints[0].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each                     = local.endpoints == 1 ? local.store_clients : {}
  description                  = "HTTPS, from ${each.key}"
  security_group_id            = aws_security_group.endpoints[0].id
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}
