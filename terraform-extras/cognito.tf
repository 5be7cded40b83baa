# Who may call: a Cognito user pool of the stage's own, or an issuer that you have already.

variable "issuer" {
  description = "An OpenID Connect issuer of your own, https://login.example say; null for a Cognito user pool made here."
  type        = string
  default     = null

  validation {
    condition     = var.issuer == null || can(regex("^https://[^\\s?#]+$", var.issuer))
    error_message = "The issuer is an https address without a query."
  }
}

variable "audience" {
  description = "What tokens of your own issuer must be for (aud); any one of these is enough. Goes with issuer."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = (var.issuer == null) == (length(var.audience) == 0)
    error_message = "Name the audience of your own issuer; without one the pool's clients are the audience."
  }
  validation {
    condition     = alltrue([for each in var.audience : can(regex("^[^\\s,]+$", each))])
    error_message = "An audience holds neither space nor comma."
  }
}

variable "jwks_url" {
  description = "Where the issuer's keys are; null to ask its discovery document."
  type        = string
  default     = null

  validation {
    condition     = var.jwks_url == null || can(regex("^(https://|http://(127\\.0\\.0\\.1|localhost)[:/])\\S+$", var.jwks_url))
    error_message = "The keys' address is https; http only on the loopback, for emulators."
  }
}

variable "scope_prefix" {
  description = "What your own issuer writes before the router's scopes, tinyllama/ say. The pool's own is known."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[!-~]*$", var.scope_prefix)) && (var.scope_prefix == "" || var.issuer != null)
    error_message = "The scope prefix is visible ASCII, and goes with issuer."
  }
}

variable "group_scopes" {
  description = "Scopes that members of a group have beside those of their token, by the group's name: { operators = [\"queue:admin\"] }."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for scopes in values(var.group_scopes) : length(setsubtract(scopes, keys(local.scopes))) == 0])
    error_message = "group_scopes names a scope that there is not; there are ${join(", ", keys(local.scopes))}."
  }
  validation {
    condition     = alltrue([for group in keys(var.group_scopes) : can(regex("^[^\\s$]{1,128}$", group))])
    error_message = "A group of group_scopes has a name of 1 to 128 characters, without space and dollar."
  }
}

variable "groups_claim" {
  description = "The claim that lists a token's groups, where your own issuer calls it otherwise than Cognito; never one that users can write."
  type        = string
  default     = "cognito:groups"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_:./-]+$", var.groups_claim)) && (var.groups_claim == "cognito:groups" || var.issuer != null)
    error_message = "groups_claim is the name of a claim, groups say, and goes with issuer."
  }
}

variable "login" {
  description = <<-TEXT
    How people sign in at the pool.
    callback_urls, logout_urls: where the sign-in page sends them back; https, or http on localhost.
    domain: first label of the sign-in page's address, unique in the region; null for one made of stage and account.
    mfa: OFF, OPTIONAL or ON, with an authenticator app.
    machines: which programs have a client: operator (keys, dead letters, metrics), worker, app. Amazon takes 6 USD a month for each, used or not, and 2.25 USD per 1,000 tokens.
    token_minutes: how long an access token serves, 5 to 1440; it is good until then.
    refresh_days: how long nobody has to sign in again, 1 to 365.
  TEXT

  type = object({
    callback_urls = optional(set(string), ["http://localhost:8765/callback"])
    logout_urls   = optional(set(string), [])
    domain        = optional(string)
    mfa           = optional(string, "OPTIONAL")
    machines      = optional(set(string), ["app", "operator", "worker"])
    token_minutes = optional(number, 60)
    refresh_days  = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition = length(var.login.callback_urls) > 0 && alltrue([
      for url in setunion(var.login.callback_urls, var.login.logout_urls) :
      can(regex("^(https://|http://localhost(:[0-9]+)?/)[^\\s#]*$", url))
    ])
    error_message = "login.callback_urls is not empty; each address is https, or http on localhost, without a fragment."
  }
  validation {
    condition = var.login.domain == null || (
      can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", coalesce(var.login.domain, "none"))) &&
      !can(regex("aws|amazon|cognito", coalesce(var.login.domain, "none")))
    )
    error_message = "login.domain is a label of lower-case letters, digits and dashes, without aws, amazon or cognito in it."
  }
  validation {
    condition     = length(setsubtract(var.login.machines, ["app", "operator", "worker"])) == 0
    error_message = "login.machines are some of app, operator and worker."
  }
  validation {
    condition     = contains(["OFF", "OPTIONAL", "ON"], var.login.mfa)
    error_message = "login.mfa is OFF, OPTIONAL or ON."
  }
  validation {
    condition     = var.login.token_minutes >= 5 && var.login.token_minutes <= 1440
    error_message = "login.token_minutes is 5 to 1440."
  }
  validation {
    condition     = var.login.refresh_days >= 1 && var.login.refresh_days <= 365
    error_message = "login.refresh_days is 1 to 365."
  }
}

locals {
  pool = var.issuer == null ? 1 : 0

  # The design's scopes. A colon is allowed in a scope's name, the slash is Cognito's own separator.
  scopes = {
    "infer:write"  = "Ask the model"
    "jobs:read"    = "See one's own jobs and the queue"
    "jobs:write"   = "Cancel, retry and erase one's own jobs"
    "events:write" = "Publish events"
    "inbox:read"   = "Read one's own inbox"
    "inbox:ack"    = "Lease and acknowledge what is in it"
    "metrics:read" = "Read the metrics"
    "keys:admin"   = "Register, list and revoke API keys"
    "queue:admin"  = "See and redrive the dead letters of all tenants"
    "worker:run"   = "Work on the jobs of all tenants"
  }
  caller_scopes = ["infer:write", "jobs:read", "jobs:write", "events:write", "inbox:read", "inbox:ack"]

  # A client's tokens carry its own id as sub, so that it is a tenant of its own: what the
  # application's client submits, people do not see, and the other way round.
  machine_scopes = {
    operator = ["keys:admin", "queue:admin", "metrics:read"]
    worker   = ["worker:run"]
    app      = local.caller_scopes
  }

  login_domain = coalesce(var.login.domain, "${local.name}-${local.account_id}")
  # In GovCloud all of Cognito is FIPS.
  login_host = startswith(var.region, "us-gov-") ? "auth-fips" : "auth"
  token_url  = "https://${local.login_domain}.${local.login_host}.${var.region}.amazoncognito.com/oauth2/token"

  issuer = local.pool == 1 ? "https://cognito-idp.${var.region}.amazonaws.com/${one(aws_cognito_user_pool.main[*].id)}" : var.issuer
  jwks   = var.jwks_url
  # Cognito's access tokens name the client instead of an audience.
  audiences = local.pool == 0 ? var.audience : concat(
    aws_cognito_user_pool_client.people[*].id,
    [for client in aws_cognito_user_pool_client.machine : client.id],
  )
  scope_prefix = local.pool == 1 ? "tinyllama/" : var.scope_prefix

  group_settings = length(var.group_scopes) == 0 ? {} : {
    GROUP_SCOPES = jsonencode({ for group, scopes in var.group_scopes : group => join(" ", scopes) })
    GROUPS_CLAIM = var.groups_claim
  }

  # What it holds is known before anything is made: the registry is made of its keys.
  cognito_ids = merge(
    { for pool in aws_cognito_user_pool.main : "user_pool_id" => pool.id },
    { for client in aws_cognito_user_pool_client.people : "user_client_id" => client.id },
    { for role, client in aws_cognito_user_pool_client.machine : "${role}_client_id" => client.id },
    { for domain in aws_cognito_user_pool_domain.login : "token_url" => local.token_url },
  )
}

resource "aws_cognito_user_pool" "main" {
  count                    = local.pool
  name                     = local.name
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  deletion_protection      = var.deletion_protection ? "ACTIVE" : "INACTIVE"
  mfa_configuration        = var.login.mfa

  # Accounts are given, not taken. There is no attribute of ours: a tenant that an account could
  # write itself would open every other tenant's door.
  admin_create_user_config {
    allow_admin_create_user_only = true
  }

  username_configuration {
    case_sensitive = false
  }

  password_policy {
    minimum_length                   = 14
    require_lowercase                = true
    require_numbers                  = true
    require_symbols                  = true
    require_uppercase                = true
    temporary_password_validity_days = 3
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }

  user_attribute_update_settings {
    attributes_require_verification_before_update = ["email"]
  }

  dynamic "software_token_mfa_configuration" {
    for_each = var.login.mfa == "OFF" ? [] : ["on"]

    content {
      enabled = true
    }
  }
}

resource "aws_cognito_user_pool_domain" "login" {
  count        = local.pool
  domain       = local.login_domain
  user_pool_id = aws_cognito_user_pool.main[0].id

  lifecycle {
    precondition {
      condition     = !can(regex("aws|amazon|cognito", local.login_domain))
      error_message = "Cognito takes no sign-in address with aws, amazon or cognito in it, as ${local.login_domain} has: name another in login.domain."
    }
  }
}

resource "aws_cognito_resource_server" "router" {
  count        = local.pool
  identifier   = "tinyllama"
  name         = "TinyLlama Router"
  user_pool_id = aws_cognito_user_pool.main[0].id

  dynamic "scope" {
    for_each = local.scopes

    content {
      scope_name        = scope.key
      scope_description = scope.value
    }
  }
}

# People, in a browser: the code flow with PKCE, no secret. Only the token endpoint writes our scopes
# into a token; one got by SRP alone has none of them and opens nothing.
resource "aws_cognito_user_pool_client" "people" {
  count                                = local.pool
  name                                 = "${local.name}-people"
  user_pool_id                         = aws_cognito_user_pool.main[0].id
  generate_secret                      = false
  supported_identity_providers         = ["COGNITO"]
  explicit_auth_flows                  = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_flows                  = ["code"]
  allowed_oauth_scopes                 = concat(["openid"], [for scope in local.caller_scopes : "tinyllama/${scope}"])
  callback_urls                        = var.login.callback_urls
  logout_urls                          = var.login.logout_urls
  read_attributes                      = ["email", "email_verified", "name"]
  # Unless they are named, a client may write all there are.
  write_attributes              = ["name"]
  prevent_user_existence_errors = "ENABLED"
  enable_token_revocation       = true
  access_token_validity         = var.login.token_minutes
  id_token_validity             = var.login.token_minutes
  refresh_token_validity        = var.login.refresh_days
  depends_on                    = [aws_cognito_resource_server.router]

  token_validity_units {
    access_token  = "minutes"
    id_token      = "minutes"
    refresh_token = "days"
  }
}

# Programs: client credentials. Cognito makes their secrets, and Terraform's state holds what Cognito
# tells of a client, the secret among it: who may read the state may act as them. It is in no output
# and no parameter; `aws cognito-idp describe-user-pool-client` gives it to who may ask.
resource "aws_cognito_user_pool_client" "machine" {
  for_each                             = { for role in var.login.machines : role => local.machine_scopes[role] if local.pool == 1 }
  name                                 = "${local.name}-${each.key}"
  user_pool_id                         = aws_cognito_user_pool.main[0].id
  generate_secret                      = true
  explicit_auth_flows                  = ["ALLOW_REFRESH_TOKEN_AUTH"] # Left out, people could sign in here too.
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_flows                  = ["client_credentials"]
  allowed_oauth_scopes                 = [for scope in each.value : "tinyllama/${scope}"]
  read_attributes                      = ["email"]
  write_attributes                     = ["name"]
  prevent_user_existence_errors        = "ENABLED"
  enable_token_revocation              = true
  access_token_validity                = var.login.token_minutes
  depends_on                           = [aws_cognito_resource_server.router]

  token_validity_units {
    access_token = "minutes"
  }
}
