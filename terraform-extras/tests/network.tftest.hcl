# Where things are, and who may talk to whom. Runs in a packaged folder, with any stage's variables.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "own_network_is_the_baseline" {
  command = apply

  variables {
    existing_network    = null
    enable_nat_gw       = false
    interface_endpoints = []
    redis_kind          = "cache"
    store_url           = null
  }

  assert {
    condition     = aws_vpc.main[0].cidr_block == "10.20.0.0/22"
    error_message = "The VPC is 10.20.0.0/22."
  }
  assert {
    condition     = aws_subnet.public[*].cidr_block == ["10.20.0.0/24"]
    error_message = "There is one public subnet, the first quarter."
  }
  assert {
    condition     = aws_subnet.private[*].cidr_block == ["10.20.1.0/24", "10.20.2.0/24"]
    error_message = "There are two private subnets, the next quarters."
  }
  assert {
    condition     = aws_subnet.private[0].availability_zone != aws_subnet.private[1].availability_zone
    error_message = "The private subnets lie in two zones."
  }
  assert {
    condition     = length(aws_route_table_association.private) == 2 && length(aws_route_table_association.public) == 1
    error_message = "Each subnet is tied to its route table."
  }
  assert {
    condition     = aws_route.public_internet[0].destination_cidr_block == "0.0.0.0/0"
    error_message = "The public subnet reaches the internet."
  }
  assert {
    condition     = length(aws_nat_gateway.main) == 0 && length(aws_eip.nat) == 0 && length(aws_route.private_internet) == 0
    error_message = "NAT costs 37 USD a month: not unless asked for."
  }
  assert {
    condition     = toset(keys(aws_vpc_endpoint.gateway)) == toset(["s3", "dynamodb"]) && length(aws_vpc_endpoint.interface) == 0
    error_message = "The free gateway endpoints, and no interface endpoint."
  }
  assert {
    condition     = length(aws_default_security_group.closed) == 1
    error_message = "The default security group is closed."
  }
  assert {
    condition     = aws_flow_log.main[0].traffic_type == "ALL"
    error_message = "Connections are logged."
  }
  assert {
    condition     = alltrue([for rule in concat(values(aws_vpc_security_group_ingress_rule.redis), values(aws_vpc_security_group_egress_rule.redis)) : rule.from_port == 6379 && rule.to_port == 6379 && rule.ip_protocol == "tcp" && rule.cidr_ipv4 == null])
    error_message = "The store is reached on 6379, by group and never by address."
  }
  assert {
    condition     = toset(keys(aws_vpc_security_group_ingress_rule.redis)) == toset(["functions-0", "worker-0"])
    error_message = "Functions and workers reach the store, nobody else."
  }
  assert {
    condition     = length(aws_vpc_security_group_egress_rule.functions_nat) == 0 && length(aws_vpc_security_group_egress_rule.functions_endpoints) == 0
    error_message = "Functions reach the store and nothing else."
  }
  assert {
    condition     = length(aws_lambda_function.jwt_authorizer.vpc_config) == 0
    error_message = "The authorizer stays outside the VPC: it needs the internet for the issuer's keys."
  }
  assert {
    condition = alltrue([
      for placed in [aws_lambda_function.api_handler, aws_lambda_function.tick] :
      placed.vpc_config[0].subnet_ids == toset(aws_subnet.private[*].id) && placed.vpc_config[0].security_group_ids == toset(aws_security_group.functions[*].id)
    ])
    error_message = "API and tick lie in the private subnets, in the functions' group."
  }
  assert {
    condition     = alltrue([for rule in values(aws_vpc_security_group_egress_rule.redis) : rule.referenced_security_group_id == aws_security_group.redis[0].id])
    error_message = "What goes out to 6379 goes to the store."
  }
  assert {
    condition     = aws_elasticache_replication_group.store[0].security_group_ids == toset(aws_security_group.redis[*].id)
    error_message = "The store has the store's group."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.flow[0].policy).Statement[0].Resource == "arn:aws:logs:${var.region}:123456789012:log-group:/tinyllama/${var.stage}/flow:*"
    error_message = "Flow logs are written to their own group only."
  }
}

run "ways_out_on_request" {
  command = plan

  variables {
    existing_network    = null
    enable_nat_gw       = true
    interface_endpoints = ["ssm", "logs"]
  }

  assert {
    condition     = length(aws_nat_gateway.main) == 1 && length(aws_eip.nat) == 1
    error_message = "NAT was asked for."
  }
  assert {
    condition     = aws_route.private_internet[0].destination_cidr_block == "0.0.0.0/0"
    error_message = "The private subnets have a way out."
  }
  assert {
    condition     = aws_vpc_security_group_egress_rule.functions_nat[0].from_port == 443 && aws_vpc_security_group_egress_rule.functions_nat[0].to_port == 443
    error_message = "Functions may use it for HTTPS, and for nothing else."
  }
  assert {
    condition     = aws_vpc_endpoint.interface["ssm"].service_name == "com.amazonaws.${var.region}.ssm" && length(aws_vpc_endpoint.interface) == 2
    error_message = "Each named service has its endpoint."
  }
  assert {
    condition     = alltrue([for rule in values(aws_vpc_security_group_ingress_rule.endpoints) : rule.from_port == 443 && rule.to_port == 443])
    error_message = "Endpoints are reached on 443."
  }
  assert {
    condition     = length(aws_vpc_security_group_egress_rule.functions_endpoints) == 1
    error_message = "Functions reach the endpoints."
  }
}

run "existing_network_is_used" {
  command = apply

  variables {
    enable_nat_gw       = false
    interface_endpoints = []
    redis_kind          = "cache"
    store_url           = null
    existing_network = {
      vpc_id                      = "vpc-0aaa"
      private_subnet_ids          = ["subnet-0aaa", "subnet-0bbb"]
      public_subnet_ids           = ["subnet-0ccc"]
      function_security_group_ids = ["sg-0aaa"]
    }
  }

  assert {
    condition = length(concat(
      aws_vpc.main, aws_subnet.public, aws_subnet.private, aws_internet_gateway.main, aws_route_table.public,
      aws_route_table.private, aws_flow_log.main, aws_default_security_group.closed,
      values(aws_vpc_endpoint.gateway),
    )) == 0
    error_message = "Nothing is made beside a network of your own."
  }
  assert {
    condition     = aws_lambda_function.api_handler.vpc_config[0].subnet_ids == toset(["subnet-0aaa", "subnet-0bbb"])
    error_message = "Functions lie in your private subnets."
  }
  assert {
    condition     = aws_lambda_function.tick.vpc_config[0].security_group_ids == toset(["sg-0aaa"])
    error_message = "Functions have the group you named."
  }
  assert {
    condition     = length(aws_security_group.functions) == 0 && aws_security_group.redis[0].vpc_id == "vpc-0aaa" && aws_security_group.worker[0].vpc_id == "vpc-0aaa"
    error_message = "Groups you left out are made in your VPC."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.redis["functions-0"].referenced_security_group_id == "sg-0aaa"
    error_message = "The store lets your functions' group in."
  }
  assert {
    condition     = aws_elasticache_subnet_group.store[0].subnet_ids == toset(["subnet-0aaa", "subnet-0bbb"])
    error_message = "The store lies in your private subnets."
  }
  assert {
    condition     = aws_ssm_parameter.registry["vpc_id"].insecure_value == "vpc-0aaa" && aws_ssm_parameter.registry["public_subnet_ids"].insecure_value == "subnet-0ccc"
    error_message = "The registry names your network."
  }
}
