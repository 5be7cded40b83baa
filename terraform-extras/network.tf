# Where the functions, the store and the workers are, and who may talk to whom.

variable "vpc_cidr" {
  description = "Address range of the VPC: four equal subnets, one public, two private, one kept free."
  type        = string
  default     = "10.20.0.0/22"
  nullable    = false

  validation {
    condition     = can(cidrsubnet(var.vpc_cidr, 2, 3)) && try(tonumber(split("/", var.vpc_cidr)[1]) <= 26, false)
    error_message = "The VPC's range is an IPv4 CIDR block of /26 or more addresses, so that each of four subnets has 16."
  }
}

variable "enable_nat_gw" {
  description = "Give the private subnets a way out to the internet; about 37 USD a month. Nothing of ours needs it."
  type        = bool
  default     = false
  nullable    = false
}

variable "interface_endpoints" {
  description = "AWS services, by the last part of their endpoint's name (ssm, logs), that the private subnets reach without NAT; each about 7 USD a month and zone. Nothing of ours needs one."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z0-9.-]+$", service))])
    error_message = "An interface endpoint is named by its service, ssm or ecr.api say."
  }
}

variable "flow_logs" {
  description = "Log the VPC's connections, accepted and refused."
  type        = bool
  default     = true
  nullable    = false
}

variable "existing_network" {
  description = "A network of your own to use instead: the private subnets, in two zones, hold functions and store; the public ones workers. Security groups that are left out are made in your VPC; those you name must let 6379 pass from functions and workers to the store."
  type = object({
    vpc_id                      = string
    private_subnet_ids          = list(string)
    public_subnet_ids           = optional(list(string), [])
    function_security_group_ids = optional(list(string))
    worker_security_group_ids   = optional(list(string))
    redis_security_group_ids    = optional(list(string))
  })
  default = null

  validation {
    condition     = var.existing_network == null || can(regex("^vpc-[0-9a-f]+$", var.existing_network.vpc_id))
    error_message = "existing_network.vpc_id is the id of a VPC, vpc-0123456789abcdef0 say."
  }

  validation {
    condition = var.existing_network == null || try(
      length(distinct(var.existing_network.private_subnet_ids)) >= 2 &&
      alltrue([
        for id in concat(var.existing_network.private_subnet_ids, var.existing_network.public_subnet_ids) :
        can(regex("^subnet-[0-9a-f]+$", id))
    ]), false)
    error_message = "existing_network needs two private subnets or more, each by its id, subnet-0123456789abcdef0 say."
  }

  validation {
    condition     = var.existing_network == null || !var.enable_nat_gw && length(var.interface_endpoints) == 0
    error_message = "NAT gateway and interface endpoints are for a network made here: leave them out beside existing_network."
  }
}

data "aws_availability_zones" "available" {
  count = local.own_network
  state = "available"

  # Local zones have no room for what we put there.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  own_network = var.existing_network == null ? 1 : 0
  private     = local.own_network * 2
  nat         = var.enable_nat_gw ? 1 : 0
  endpoints   = length(var.interface_endpoints) > 0 ? 1 : 0
  # Public, private, private; the fourth is kept free.
  subnets = cidrsubnets(var.vpc_cidr, 2, 2, 2, 2)

  vpc_id             = one(concat(aws_vpc.main[*].id, var.existing_network[*].vpc_id))
  private_subnet_ids = local.own_network == 1 ? aws_subnet.private[*].id : var.existing_network.private_subnet_ids
  public_subnet_ids  = local.own_network == 1 ? aws_subnet.public[*].id : var.existing_network.public_subnet_ids

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

resource "aws_vpc" "main" {
  count                = local.own_network
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = local.name }
}

# Without rules: whoever forgets to name a group gets nowhere.
resource "aws_default_security_group" "closed" {
  count  = local.own_network
  vpc_id = aws_vpc.main[0].id
  tags   = { Name = "${local.name}-closed" }
}

resource "aws_internet_gateway" "main" {
  count  = local.own_network
  vpc_id = aws_vpc.main[0].id
  tags   = { Name = local.name }
}

resource "aws_subnet" "public" {
  count             = local.own_network
  vpc_id            = aws_vpc.main[0].id
  cidr_block        = local.subnets[0]
  availability_zone = data.aws_availability_zones.available[0].names[0]
  tags              = { Name = "${local.name}-public" }
}

resource "aws_subnet" "private" {
  count             = local.private
  vpc_id            = aws_vpc.main[0].id
  cidr_block        = local.subnets[count.index + 1]
  availability_zone = data.aws_availability_zones.available[0].names[count.index]
  tags              = { Name = "${local.name}-private-${count.index}" }
}

resource "aws_route_table" "public" {
  count  = local.own_network
  vpc_id = aws_vpc.main[0].id
  tags   = { Name = "${local.name}-public" }
}

resource "aws_route" "public_internet" {
  count                  = local.own_network
  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.main[0].id
}

resource "aws_route_table_association" "public" {
  count          = local.own_network
  subnet_id      = aws_subnet.public[0].id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_route_table" "private" {
  count  = local.own_network
  vpc_id = aws_vpc.main[0].id
  tags   = { Name = "${local.name}-private" }
}

resource "aws_route_table_association" "private" {
  count          = local.private
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[0].id
}

resource "aws_eip" "nat" {
  count  = local.nat
  domain = "vpc"
  tags   = { Name = "${local.name}-nat" }
}

resource "aws_nat_gateway" "main" {
  count         = local.nat
  allocation_id = aws_eip.nat[0].id
  subnet_id     = aws_subnet.public[0].id
  tags          = { Name = local.name }
  depends_on    = [aws_route.public_internet]
}

resource "aws_route" "private_internet" {
  count                  = local.nat
  route_table_id         = aws_route_table.private[0].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.main[0].id
}

# Free, and S3 is where workers fetch code and models.
resource "aws_vpc_endpoint" "gateway" {
  for_each          = toset(local.own_network == 1 ? ["s3", "dynamodb"] : [])
  vpc_id            = aws_vpc.main[0].id
  service_name      = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private[0].id, aws_route_table.public[0].id]
  tags              = { Name = "${local.name}-${each.key}" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = var.interface_endpoints
  vpc_id              = aws_vpc.main[0].id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = [aws_security_group.endpoints[0].id]
  private_dns_enabled = true
  tags                = { Name = "${local.name}-${each.key}" }
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

locals {
  own_flow_logs  = local.own_network == 1 && var.flow_logs ? 1 : 0
  flow_log_group = "${local.ssm_prefix}/flow"
}

resource "aws_cloudwatch_log_group" "flow" {
  count             = local.own_flow_logs
  name              = local.flow_log_group
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "flow" {
  count                = local.own_flow_logs
  name                 = "${local.name}-flow-logs"
  permissions_boundary = local.permissions_boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account_id }
        ArnLike      = { "aws:SourceArn" = "${local.arn.ec2}:vpc-flow-log/*" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "flow" {
  count = local.own_flow_logs
  name  = "write-flow-logs"
  role  = aws_iam_role.flow[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = "${local.arn.logs}:log-group:${local.flow_log_group}:*"
    }]
  })
}

resource "aws_flow_log" "main" {
  count           = local.own_flow_logs
  vpc_id          = aws_vpc.main[0].id
  traffic_type    = "ALL"
  iam_role_arn    = aws_iam_role.flow[0].arn
  log_destination = aws_cloudwatch_log_group.flow[0].arn
  tags            = { Name = local.name }
  depends_on      = [aws_iam_role_policy.flow]
}
