# Where the functions, the store and the workers are; security_groups.tf says who may talk to whom.

variable "vpc_cidr" {
  description = "Address range of the VPC: four equal subnets, one public, two private, one kept free."
  type        = string
  default     = "10.20.0.0/22"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(contains(range(16, 27), tonumber(split("/", var.vpc_cidr)[1])), false)
    error_message = "The VPC's range is an IPv4 CIDR block of /16, the most that AWS takes, to /26, so that each of four subnets has 16 addresses."
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
    condition = var.existing_network == null || try(alltrue([
      for groups in [
        var.existing_network.function_security_group_ids,
        var.existing_network.worker_security_group_ids,
        var.existing_network.redis_security_group_ids,
      ] : groups == null || try(length(groups) > 0 && alltrue([for id in groups : can(regex("^sg-[0-9a-f]+$", id))]), false)
    ]), false)
    error_message = "existing_network's security groups are named by their ids, sg-0123456789abcdef0 say; leave a list out for groups made here."
  }

  validation {
    condition     = var.existing_network == null || !var.enable_nat_gw && length(var.interface_endpoints) == 0
    error_message = "NAT gateway and interface endpoints are for a network made here: leave them out beside existing_network."
  }
}

data "aws_availability_zones" "available" {
  count = local.own_network
  state = "available"

  # Old zones, in which there is no MemoryDB, no t4g and little else that came later.
  exclude_zone_ids = ["apne1-az3", "cac1-az3", "use1-az3"]

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
