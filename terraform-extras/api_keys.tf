# API keys: the public keys that API and authorizer read them with. `tinyllama keys signing-key` writes
# them into the stage's file; the private one lies in Parameter Store, where Terraform does not look.

variable "api_key_jwks" {
  description = "The JWK set of the keys that sign API keys: public Ed25519 ones, two while one is being replaced; null for no API keys. `tinyllama keys signing-key` writes it."
  type = object({
    keys = list(object({
      kty = string
      crv = string
      x   = string
      kid = string
      alg = optional(string, "EdDSA")
      use = optional(string, "sig")
      # A private key's own member (RFC 8037): known so that it is refused, not dropped without a word.
      d = optional(string)
    }))
  })
  default = null

  validation {
    condition     = var.api_key_jwks == null || alltrue([for key in try(var.api_key_jwks.keys, []) : key.d == null])
    error_message = "api_key_jwks holds a private key (its member d): take it out, run `tinyllama keys signing-key rotate` and then `retire`, and deploy; who has read the file can sign API keys until then."
  }

  validation {
    condition = var.api_key_jwks == null || alltrue([
      for key in try(var.api_key_jwks.keys, []) :
      key.kty == "OKP" && key.crv == "Ed25519" && key.alg == "EdDSA" && key.use == "sig"
    ])
    error_message = "A key of api_key_jwks is an Ed25519 key (kty OKP, crv Ed25519) that verifies EdDSA."
  }

  validation {
    condition = var.api_key_jwks == null || alltrue([
      for key in try(var.api_key_jwks.keys, []) :
      can(regex("^[A-Za-z0-9_-]{43}$", key.x)) && can(regex("^[A-Za-z0-9_-]{43}$", key.kid))
    ])
    error_message = "x and kid of a key of api_key_jwks are 43 characters of base64url."
  }

  validation {
    condition     = var.api_key_jwks == null || contains([1, 2], length(try(var.api_key_jwks.keys, [])))
    error_message = "api_key_jwks holds one key, or two while one replaces the other; leave it out for no API keys."
  }

  validation {
    condition     = var.api_key_jwks == null || length(distinct(try(var.api_key_jwks.keys[*].kid, []))) == length(try(var.api_key_jwks.keys, []))
    error_message = "Two keys of api_key_jwks have one kid."
  }
}

locals {
  key_settings = var.api_key_jwks == null ? {} : {
    KEY_JWKS = jsonencode({
      keys = [for key in var.api_key_jwks.keys : { for name, value in key : name => value if name != "d" }]
    })
  }
}
