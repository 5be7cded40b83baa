# Who may call, and that nobody makes themselves anybody.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stage = "dev"
}

run "nobody_makes_themselves_anybody" {
  command = plan

  variables {
    deletion_protection = true
    login               = { mfa = "ON" }
  }

  assert {
    condition     = aws_cognito_user_pool.main[0].deletion_protection == "ACTIVE" && aws_cognito_user_pool.main[0].mfa_configuration == "ON"
    error_message = "Accounts are protected where it is asked for."
  }
  assert {
    condition     = aws_cognito_user_pool.main[0].admin_create_user_config[0].allow_admin_create_user_only
    error_message = "Nobody makes an account for themselves."
  }
  assert {
    condition     = length(aws_cognito_user_pool.main[0].schema) == 0
    error_message = "The pool has no attribute of ours: a tenant in one could be written."
  }
  assert {
    condition = alltrue([
      for client in concat([aws_cognito_user_pool_client.people[0]], values(aws_cognito_user_pool_client.machine)) :
      client.write_attributes == toset(["name"])
    ])
    error_message = "Left out, a client may write every attribute."
  }

  assert {
    condition     = !aws_cognito_user_pool_client.people[0].generate_secret && aws_cognito_user_pool_client.people[0].allowed_oauth_flows == toset(["code"])
    error_message = "A browser keeps no secret: code and PKCE."
  }
  assert {
    condition     = length(setintersection(aws_cognito_user_pool_client.people[0].explicit_auth_flows, ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"])) == 0
    error_message = "No flow sends the password itself."
  }
  assert {
    condition     = length(setintersection(aws_cognito_user_pool_client.people[0].allowed_oauth_scopes, ["tinyllama/keys:admin", "tinyllama/queue:admin", "tinyllama/worker:run"])) == 0
    error_message = "Scopes that reach over tenants are not people's."
  }

  assert {
    condition     = aws_cognito_user_pool_client.machine["operator"].allowed_oauth_scopes == toset(["tinyllama/keys:admin", "tinyllama/queue:admin", "tinyllama/metrics:read"])
    error_message = "The operator's scopes changed."
  }
  assert {
    condition     = aws_cognito_user_pool_client.machine["worker"].allowed_oauth_scopes == toset(["tinyllama/worker:run"])
    error_message = "A worker works, and nothing else."
  }
  assert {
    condition     = length(setintersection(aws_cognito_user_pool_client.machine["app"].allowed_oauth_scopes, ["tinyllama/keys:admin", "tinyllama/queue:admin", "tinyllama/worker:run", "tinyllama/metrics:read"])) == 0
    error_message = "An application calls for its own tenant."
  }
  assert {
    condition = alltrue([
      for client in values(aws_cognito_user_pool_client.machine) :
      client.generate_secret && client.allowed_oauth_flows == toset(["client_credentials"]) && client.explicit_auth_flows == toset(["ALLOW_REFRESH_TOKEN_AUTH"])
    ])
    error_message = "A machine has a secret, and people do not sign in at its client."
  }
  assert {
    condition     = aws_cognito_resource_server.router[0].identifier == "tinyllama" && local.scope_prefix == "tinyllama/" && length(aws_cognito_resource_server.router[0].scope) == 10
    error_message = "The resource server's scopes are the design's ten, under tinyllama/."
  }
}

run "every_client_is_an_audience" {
  command = apply

  assert {
    condition     = length(local.audiences) == 4 && length(distinct(local.audiences)) == 4
    error_message = "Access tokens name their client: ${jsonencode(local.audiences)}"
  }
  assert {
    condition     = local.issuer == "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_mocked123" && local.jwks == null
    error_message = "The pool is the issuer, and its discovery document names the keys."
  }
  assert {
    condition     = local.cognito_ids["token_url"] == "https://tinyllama-dev-123456789012.auth.us-east-1.amazoncognito.com/oauth2/token"
    error_message = "The token endpoint is at the login's domain: ${local.cognito_ids["token_url"]}"
  }
}

run "an_issuer_of_ones_own_needs_no_pool" {
  command = plan

  variables {
    issuer       = "https://login.example"
    audience     = ["router", "console"]
    jwks_url     = "https://login.example/keys"
    scope_prefix = "router:"
  }

  assert {
    condition     = length(aws_cognito_user_pool.main) + length(aws_cognito_user_pool_client.machine) + length(aws_cognito_user_pool_domain.login) == 0
    error_message = "No pool beside one's own issuer."
  }
  assert {
    condition     = local.issuer == "https://login.example" && local.audiences == tolist(["router", "console"]) && local.jwks == "https://login.example/keys" && local.scope_prefix == "router:"
    error_message = "The own issuer's words are taken."
  }
  assert {
    condition     = length(local.cognito_ids) == 0
    error_message = "No ids of what is not there."
  }
}

run "an_issuer_without_a_prefix_leaves_no_empty_parameter" {
  command = plan

  variables {
    issuer   = "https://login.example"
    audience = ["router"]
  }

  assert {
    condition     = alltrue([for parameter in values(aws_ssm_parameter.registry) : parameter.insecure_value != ""]) && !contains(keys(aws_ssm_parameter.registry), "scope_prefix")
    error_message = "Parameter Store refuses an empty value, and with it the apply."
  }
}

run "a_stage_whose_name_cognito_refuses_is_told_so" {
  command = plan

  variables {
    stage = "paws"
  }

  expect_failures = [aws_cognito_user_pool_domain.login]
}

run "machines_that_nobody_needs_cost_nothing" {
  command = plan

  variables {
    region = "us-gov-west-1"
    login  = { machines = ["operator"] }
  }

  assert {
    condition     = toset(keys(local.cognito_ids)) == toset(["user_pool_id", "user_client_id", "operator_client_id", "token_url"])
    error_message = "One machine was asked for: ${jsonencode(keys(local.cognito_ids))}"
  }
  assert {
    condition     = local.token_url == "https://tinyllama-dev-123456789012.auth-fips.us-gov-west-1.amazoncognito.com/oauth2/token"
    error_message = "GovCloud's sign-in pages have another host: ${local.token_url}"
  }
}

run "bad_identity_variables_are_refused" {
  command = plan

  variables {
    issuer   = "http://login.example"
    audience = ["router"]
    jwks_url = "http://elsewhere.example/keys"
    login    = { callback_urls = ["http://evil.example/"], mfa = "MAYBE", domain = "my-cognito", token_minutes = 1, refresh_days = 0 }
  }

  expect_failures = [var.issuer, var.jwks_url, var.login]
}

run "a_groups_scopes_are_told_to_the_authorizer_alone" {
  command = plan

  variables {
    issuer       = "https://login.example"
    audience     = ["router"]
    group_scopes = { operators = ["queue:admin", "jobs:read"], "/staff" = [] }
    groups_claim = "groups"
  }

  assert {
    condition     = jsondecode(local.environment["jwt_authorizer"]["TINYLLAMA_GROUP_SCOPES"]) == { operators = "queue:admin jobs:read", "/staff" = "" }
    error_message = "The authorizer reads the groups as JSON: ${local.environment["jwt_authorizer"]["TINYLLAMA_GROUP_SCOPES"]}"
  }
  assert {
    condition     = local.environment["jwt_authorizer"]["TINYLLAMA_GROUPS_CLAIM"] == "groups"
    error_message = "The groups are in the claim that is named."
  }
  assert {
    condition     = alltrue([for key in ["api_handler", "tick"] : length(setintersection(keys(local.environment[key]), ["TINYLLAMA_GROUP_SCOPES", "TINYLLAMA_GROUPS_CLAIM"])) == 0])
    error_message = "Nobody else needs the groups."
  }
}

run "groups_with_a_slip_are_refused" {
  command = plan

  variables {
    group_scopes = { operators = ["queue:root"], "two words" = [] }
    groups_claim = "groups"
  }

  expect_failures = [var.group_scopes, var.groups_claim]
}

run "an_audience_needs_an_issuer" {
  command = plan

  variables {
    audience     = ["two words"]
    scope_prefix = "router:"
  }

  expect_failures = [var.audience, var.scope_prefix]
}
