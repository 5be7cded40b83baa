# Who deploys: one environment of one repository, this stack, and never more than its own roles may.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stage      = "dev"
  redis_kind = "replicated"
  store_url  = null
}

run "nobody_deploys_unless_named" {
  command = plan

  assert {
    condition     = length(aws_iam_role.deploy) + length(aws_iam_openid_connect_provider.github) + length(aws_iam_policy.deploy) + length(aws_iam_policy.boundary) == 0 && local.permissions_boundary == null
    error_message = "No pipeline was named."
  }
}

run "one_environment_of_one_repository_deploys_this_stack" {
  command = plan

  variables {
    github = { repository = "acme/router" }
    worker = { max = 1, session_manager = true }
    domain = { name = "api.example.org", zone_id = "Z0123456789ABC" }
  }

  assert {
    condition     = jsondecode(aws_iam_role.deploy[0].assume_role_policy).Statement[0].Condition.StringEquals == { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com", "token.actions.githubusercontent.com:sub" = "repo:acme/router:environment:dev" }
    error_message = "Exactly this repository's environment, for STS: ${aws_iam_role.deploy[0].assume_role_policy}"
  }
  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 1 && toset(keys(aws_iam_policy.deploy)) == toset(["state", "code", "stores", "network", "watching", "roles", "domain"])
    error_message = "Provider and policies: ${jsonencode(keys(aws_iam_policy.deploy))}"
  }
  assert {
    condition = length(flatten([for policy in values(aws_iam_policy.deploy) : [
      for statement in jsondecode(policy.policy).Statement : [for action in statement.Action : action if strcontains(action, "*")]
    ]])) == 0
    error_message = "No action is a wildcard."
  }
  assert {
    condition = length(flatten([for policy in values(aws_iam_policy.deploy) : [
      for statement in jsondecode(policy.policy).Statement : [
        for action in statement.Action : action
        if !can(regex("^((ec2|autoscaling|cloudwatch|logs|ssm|cognito-idp):Describe|ecr:GetAuthorizationToken$)", action))
      ] if statement.Effect == "Allow" && contains(statement.Resource, "*")
    ]])) == 0
    error_message = "A wildcard resource is there where AWS takes no other: lists, and a sign-in."
  }
  assert {
    condition     = alltrue([for policy in values(aws_iam_policy.deploy) : length(policy.policy) <= 6144]) && length(aws_iam_policy.deploy) <= 10
    error_message = "Ten policies of 6,144 characters: ${jsonencode({ for name, policy in aws_iam_policy.deploy : name => length(policy.policy) })}"
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.deploy["roles"].policy).Statement :
      try(statement.Condition.StringEquals["iam:PermissionsBoundary"], "") == "arn:aws:iam::123456789012:policy/tinyllama-dev-boundary"
      if statement.Effect == "Allow" && length(setintersection(statement.Action, ["iam:CreateRole", "iam:PutRolePolicy"])) > 0
    ])
    error_message = "A role made by the pipeline has the boundary."
  }
  assert {
    condition     = one([for statement in jsondecode(aws_iam_policy.deploy["roles"].policy).Statement : statement if contains(statement.Action, "iam:PassRole") && statement.Effect == "Allow"]).Resource[0] == "arn:aws:iam::123456789012:role/tinyllama-dev-*" && length(one([for statement in jsondecode(aws_iam_policy.deploy["roles"].policy).Statement : statement if contains(statement.Action, "iam:PassRole") && statement.Effect == "Allow"]).Condition.StringEquals["iam:PassedToService"]) == 3
    error_message = "The stack's roles are passed, to the services that run them."
  }
  assert {
    condition = length(setintersection(flatten([for policy in values(aws_iam_policy.deploy) : [
      for statement in jsondecode(policy.policy).Statement : statement.Action if statement.Effect == "Allow"
      ]]), [
      "cognito-idp:DeleteUserPool", "elasticache:DeleteReplicationGroup", "iam:UpdateAssumeRolePolicy", "kms:Decrypt",
      "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "memorydb:DeleteCluster", "route53:ChangeResourceRecordSets",
    ])) == 0
    error_message = "What holds people's data, keys and names is a person's."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.deploy["network"].policy).Statement :
      try(statement.Condition.StringEquals["aws:ResourceTag/Environment"], "") == "dev" || length(try(statement.Condition.StringEquals["ec2:CreateAction"], [])) > 0
      if contains(statement.Action, "ec2:CreateTags")
    ])
    error_message = "Who may tag what is there could make anything theirs."
  }
  assert {
    condition     = contains(flatten([for statement in jsondecode(aws_iam_policy.deploy["roles"].policy).Statement : statement.Action if statement.Effect == "Deny" && contains(statement.Resource, "arn:aws:iam::123456789012:role/tinyllama-dev-deploy")]), "iam:PutRolePolicy")
    error_message = "The deploy role does not change itself."
  }
  assert {
    condition     = one([for statement in jsondecode(aws_iam_policy.deploy["state"].policy).Statement : statement if statement.Effect == "Deny" && contains(statement.Action, "kms:Decrypt")]).Condition.StringEquals["kms:ViaService"] == "ssm.us-east-1.amazonaws.com"
    error_message = "The pipeline reads no SecureString."
  }
  assert {
    condition = length(setsubtract(
      concat(["kms:Decrypt"], flatten([for policy in concat(values(local.policies), [aws_iam_role_policy.worker[0].policy]) : [
        for statement in jsondecode(policy).Statement : statement.Action if statement.Effect == "Allow"
      ]])),
      flatten([for statement in local.boundary_statements : statement.Action]),
    )) == 0
    error_message = "The boundary has all that the roles of the stack may do, and what Amazon's key of Parameter Store gives to all."
  }
  assert {
    condition     = length(setintersection(flatten([for statement in local.boundary_statements : statement.Action]), ["iam:PassRole", "iam:CreateRole", "sts:AssumeRole", "ssm:PutParameter", "lambda:UpdateFunctionCode"])) == 0
    error_message = "Nothing that runs may make or change anything."
  }
}

run "a_provider_that_is_there_is_used" {
  command = plan

  # The longest names there are: each policy still fits, or its precondition fails.
  variables {
    stage  = "abcdefghijklmnop"
    region = "ap-southeast-1"
    github = { repository = "acme/router", owner_id = 123456, repository_id = 456789, provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && jsondecode(aws_iam_role.deploy[0].assume_role_policy).Statement[0].Principal.Federated == "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    error_message = "An account has one provider of GitHub's."
  }
  assert {
    condition     = jsondecode(aws_iam_role.deploy[0].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:acme@123456/router@456789:environment:abcdefghijklmnop"
    error_message = "Tokens of new repositories name owner and repository by number too: ${aws_iam_role.deploy[0].assume_role_policy}"
  }
  assert {
    condition     = !contains(keys(aws_iam_policy.deploy), "domain")
    error_message = "Without a domain there is nothing to do with certificates."
  }
}

run "a_wildcard_repository_is_refused" {
  command = plan

  variables {
    github = { repository = "acme/*", owner_id = "*", provider_arn = "arn:aws:iam::123456789012:oidc-provider/example.org" }
  }

  expect_failures = [var.github]
}
