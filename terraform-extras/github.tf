# How GitHub Actions deploys this stage without a stored key: a role for one environment of one
# repository, apart from the roles that run. Only a person may change the role itself.

variable "github" {
  description = <<-TEXT
    Who may deploy from GitHub Actions; null for nobody. The first deployment, which makes the role, is a person's, and so is whatever makes or deletes a user pool, a key, a certificate, or deletes a store.
    repository: owner/name. Its environment called as the stage may take the role.
    owner_id, repository_id: GitHub's numbers of both, which are in the tokens of repositories made or renamed since 15 July 2026, and of those that chose so: gh api repos/owner/name --jq '.owner.id, .id'. Null for an older one, whose tokens have its name alone.
    provider_arn: GitHub's OpenID Connect provider in this account, where another stage made it; null to make it.
    state_bucket: where Terraform's state lies; null for the bucket that bootstrap made.
  TEXT

  type = object({
    repository    = string
    owner_id      = optional(string)
    repository_id = optional(string)
    provider_arn  = optional(string)
    state_bucket  = optional(string)
  })
  default = null

  validation {
    condition     = var.github == null ? true : can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github.repository))
    error_message = "github.repository is owner/name, without a wildcard."
  }
  validation {
    condition = var.github == null ? true : (
      (var.github.owner_id == null) == (var.github.repository_id == null) &&
      alltrue([for id in [var.github.owner_id, var.github.repository_id] : can(regex("^[0-9]+$", coalesce(id, "0")))])
    )
    error_message = "github.owner_id and github.repository_id are GitHub's numbers, and go together."
  }
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", coalesce(try(var.github.provider_arn, null), "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com")))
    error_message = "github.provider_arn is that of the provider token.actions.githubusercontent.com."
  }
}

locals {
  deployers   = var.github == null ? 0 : 1
  deploy_role = "${local.name}-deploy"
  boundary    = "${local.name}-boundary"

  iam_arn          = "arn:${local.partition}:iam::${local.account_id}"
  deploy_role_arn  = "${local.iam_arn}:role/${local.deploy_role}"
  boundary_arn     = "${local.iam_arn}:policy/${local.boundary}"
  stack_roles_arn  = "${local.iam_arn}:role/${local.name}-*"
  github_host      = "token.actions.githubusercontent.com"
  github_arn       = try(coalesce(var.github.provider_arn, "${local.iam_arn}:oidc-provider/${local.github_host}"), null)
  state_bucket_arn = "arn:${local.partition}:s3:::${try(coalesce(var.github.state_bucket, "tinyllama-tfstate-${local.account_id}-${var.region}"), "")}"

  # Every role of the stack carries it where a pipeline may make roles: whatever a pipeline writes
  # into a role, the role never does more than this.
  permissions_boundary = one(aws_iam_policy.boundary[*].arn)

  boundary_statements = [
    {
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = ["${local.arn.logs}:*"]
    },
    {
      # None of these has a resource of its own, or Lambda asks for them on everything.
      Sid    = "Everywhere"
      Effect = "Allow"
      Action = concat(local.network_actions, [
        "ecr:GetAuthorizationToken",
        "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
        "xray:PutTelemetryRecords", "xray:PutTraceSegments",
      ])
      Resource = ["*"]
    },
    {
      Sid    = "Own"
      Effect = "Allow"
      Action = [
        "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer",
        "elasticache:Connect", "memorydb:Connect", "s3:GetObject", "sqs:SendMessage",
        "ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:UpdateInstanceInformation",
      ]
      Resource = [
        local.repository_arn,
        "${local.arn.elasticache}:replicationgroup:${local.name}",
        "${local.arn.elasticache}:user:${local.name}-*",
        "${local.arn.memorydb}:cluster/${local.name}",
        "${local.arn.memorydb}:user/${local.name}-*",
        "arn:${local.partition}:s3:::${local.worker_bucket}/*",
        "${local.arn.sqs}:${local.dead_letters}",
        "${local.arn.ssm}:parameter${local.ssm_prefix}",
        "${local.arn.ssm}:parameter${local.ssm_prefix}/*",
        "${local.arn.ec2}:instance/*",
      ]
    },
    {
      # A worker whose engine asks for a key reads that from Parameter Store.
      Sid       = "OwnSecrets"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = ["${local.arn.kms}:key/*"]
      Condition = { StringEquals = { "kms:ViaService" = "ssm.${var.region}.amazonaws.com" } }
    },
  ]

  tagged  = { StringEquals = { "aws:ResourceTag/Service" = "tinyllama", "aws:ResourceTag/Environment" = var.stage } }
  tagging = { StringEquals = { "aws:RequestTag/Service" = "tinyllama", "aws:RequestTag/Environment" = var.stage } }
  here    = { StringEquals = { "aws:RequestedRegion" = var.region } }

  # What belongs to a stage begins with its name. A stage called dev could so reach one called
  # dev-2: give stages that deploy apart names of which none continues another.
  own = {
    for service, kinds in {
      elasticache = ["parametergroup:", "replicationgroup:", "snapshot:", "subnetgroup:", "user:", "usergroup:", "cluster:"]
      memorydb    = ["acl/", "cluster/", "parametergroup/", "snapshot/", "subnetgroup/", "user/"]
      } : service => flatten([for kind in kinds : [
        "${local.arn[service]}:${kind}${local.name}", "${local.arn[service]}:${kind}${local.name}-*",
    ]])
  }

  # A policy of the deploy role each: one may hold 6,144 characters.
  deploy_statements = {
    state = [
      {
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = ["${local.state_bucket_arn}/${var.stage}/*"]
      },
      {
        Action    = ["s3:ListBucket"]
        Resource  = [local.state_bucket_arn]
        Condition = { StringLike = { "s3:prefix" = ["${var.stage}/*"] } }
      },
      {
        Action   = ["dynamodb:DeleteItem", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem"]
        Resource = ["${local.arn.dynamodb}:table/tinyllama-tflock"]
        Condition = { "ForAllValues:StringLike" = {
          "dynamodb:LeadingKeys" = ["${element(split(":::", local.state_bucket_arn), 1)}/${var.stage}/terraform.tfstate*"]
        } }
      },
      # The AMIs that Amazon publishes.
      { Action = ["ssm:GetParameter"], Resource = ["arn:${local.partition}:ssm:${var.region}::parameter/aws/service/*"] },
      {
        Action = [
          "ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:DeleteParameters", "ssm:GetParameter", "ssm:GetParameters",
          "ssm:GetParametersByPath", "ssm:ListTagsForResource", "ssm:PutParameter", "ssm:RemoveTagsFromResource",
        ]
        Resource = ["${local.arn.ssm}:parameter${local.ssm_prefix}/*"]
      },
      # A list of all: AWS takes no resource.
      { Action = ["ssm:DescribeParameters"], Resource = ["*"], Condition = local.here },
      # Everybody in the account may decrypt by way of Parameter Store, unless it is denied.
      {
        Effect    = "Deny"
        Action    = ["kms:Decrypt"]
        Resource  = ["*"]
        Condition = { StringEquals = { "kms:ViaService" = "ssm.${var.region}.amazonaws.com" } }
      },
      {
        Effect   = "Deny"
        Action   = ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:PutParameter"]
        Resource = ["${local.arn.ssm}:parameter/tinyllama-operator/*"]
      },
    ]

    code = [
      {
        Action = [
          "lambda:AddPermission", "lambda:CreateAlias", "lambda:CreateFunction", "lambda:DeleteAlias", "lambda:DeleteFunction",
          "lambda:DeleteFunctionConcurrency", "lambda:DeleteFunctionEventInvokeConfig", "lambda:DeleteProvisionedConcurrencyConfig",
          "lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionConfiguration",
          "lambda:GetFunctionEventInvokeConfig", "lambda:GetPolicy", "lambda:GetProvisionedConcurrencyConfig",
          "lambda:ListAliases", "lambda:ListTags", "lambda:ListVersionsByFunction", "lambda:PublishVersion",
          "lambda:PutFunctionConcurrency", "lambda:PutFunctionEventInvokeConfig", "lambda:PutProvisionedConcurrencyConfig",
          "lambda:RemovePermission", "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateAlias",
          "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "lambda:UpdateFunctionEventInvokeConfig",
        ]
        Resource = flatten([for arn in values(local.function_arns) : [arn, "${arn}:*"]])
      },
      # An API's ARN holds an id of Amazon's choice, and neither name nor account.
      {
        Action = ["apigateway:DELETE", "apigateway:GET", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT"]
        Resource = [for path in ["domainnames", "domainnames/*", "restapis", "restapis/*", "tags/*"] :
        "arn:${local.partition}:apigateway:${var.region}::/${path}"]
      },
      {
        Action = [
          "events:DeleteRule", "events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule", "events:PutRule",
          "events:PutTargets", "events:RemoveTargets", "events:TagResource", "events:UntagResource",
        ]
        Resource = ["${local.arn.events}:rule/${local.name}-*"]
      },
      {
        Action = [
          "sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags",
          "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue",
        ]
        Resource = ["${local.arn.sqs}:${local.dead_letters}"]
      },
      {
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:CreateRepository",
          "ecr:DeleteLifecyclePolicy", "ecr:DeleteRepository", "ecr:DescribeImages", "ecr:DescribeRepositories",
          "ecr:GetDownloadUrlForLayer", "ecr:GetLifecyclePolicy", "ecr:InitiateLayerUpload", "ecr:ListTagsForResource",
          "ecr:PutImage", "ecr:PutImageScanningConfiguration", "ecr:PutImageTagMutability", "ecr:PutLifecyclePolicy",
          "ecr:TagResource", "ecr:UntagResource", "ecr:UploadLayerPart",
        ]
        Resource = [local.repository_arn]
      },
      # A sign-in stands for no repository.
      { Action = ["ecr:GetAuthorizationToken"], Resource = ["*"], Condition = local.here },
    ]

    # A store that holds data is a person's to delete.
    stores = [
      {
        Action = [
          "elasticache:AddTagsToResource", "elasticache:CreateCacheParameterGroup", "elasticache:CreateCacheSubnetGroup",
          "elasticache:CreateReplicationGroup", "elasticache:CreateUser", "elasticache:CreateUserGroup",
          "elasticache:DecreaseReplicaCount", "elasticache:DeleteCacheParameterGroup", "elasticache:DeleteCacheSubnetGroup",
          "elasticache:DeleteUser", "elasticache:DeleteUserGroup",
          "elasticache:DescribeCacheClusters", "elasticache:DescribeCacheParameterGroups", "elasticache:DescribeCacheParameters",
          "elasticache:DescribeCacheSubnetGroups", "elasticache:DescribeReplicationGroups", "elasticache:DescribeUserGroups",
          "elasticache:DescribeUsers", "elasticache:IncreaseReplicaCount", "elasticache:ListTagsForResource",
          "elasticache:ModifyCacheParameterGroup", "elasticache:ModifyCacheSubnetGroup", "elasticache:ModifyReplicationGroup",
          "elasticache:ModifyUser", "elasticache:ModifyUserGroup", "elasticache:RemoveTagsFromResource",
        ]
        Resource = local.own.elasticache
      },
      {
        Action = [
          "memorydb:CreateAcl", "memorydb:CreateCluster", "memorydb:CreateParameterGroup", "memorydb:CreateSubnetGroup",
          "memorydb:CreateUser", "memorydb:DeleteAcl", "memorydb:DeleteParameterGroup",
          "memorydb:DeleteSubnetGroup", "memorydb:DeleteUser", "memorydb:DescribeAcls", "memorydb:DescribeClusters",
          "memorydb:DescribeParameterGroups", "memorydb:DescribeParameters", "memorydb:DescribeSubnetGroups",
          "memorydb:DescribeUsers", "memorydb:ListTags", "memorydb:TagResource", "memorydb:UntagResource",
          "memorydb:UpdateAcl", "memorydb:UpdateCluster", "memorydb:UpdateParameterGroup", "memorydb:UpdateSubnetGroup",
          "memorydb:UpdateUser",
        ]
        Resource = local.own.memorydb
      },
      {
        Action = [
          "s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObject", "s3:DeleteObjectVersion",
          "s3:GetAccelerateConfiguration", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLogging",
          "s3:GetBucketObjectLockConfiguration", "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy",
          "s3:GetBucketPublicAccessBlock", "s3:GetBucketRequestPayment", "s3:GetBucketTagging", "s3:GetBucketVersioning",
          "s3:GetBucketWebsite", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:GetObject",
          "s3:GetObjectTagging", "s3:GetReplicationConfiguration", "s3:ListBucket", "s3:ListBucketVersions",
          "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging",
          "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration", "s3:PutObject",
          "s3:PutObjectTagging",
        ]
        Resource = ["arn:${local.partition}:s3:::${local.worker_bucket}", "arn:${local.partition}:s3:::${local.worker_bucket}/*"]
      },
    ]

    network = [
      # Lists: AWS takes no resource.
      {
        Action = [
          "ec2:DescribeAddresses", "ec2:DescribeAddressesAttribute", "ec2:DescribeAvailabilityZones", "ec2:DescribeFlowLogs",
          "ec2:DescribeImages", "ec2:DescribeInstanceTypes", "ec2:DescribeInternetGateways", "ec2:DescribeLaunchTemplateVersions",
          "ec2:DescribeLaunchTemplates", "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls", "ec2:DescribeNetworkInterfaces",
          "ec2:DescribePrefixLists", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets", "ec2:DescribeTags", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
          "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeInstanceRefreshes", "autoscaling:DescribePolicies",
          "autoscaling:DescribeScalingActivities", "autoscaling:DescribeTags",
        ]
        Resource  = ["*"]
        Condition = local.here
      },
      # Made with the stage's tags, in what has them; changed where they are.
      {
        Action = [
          "ec2:AllocateAddress", "ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateFlowLogs",
          "ec2:CreateInternetGateway", "ec2:CreateLaunchTemplate", "ec2:CreateNatGateway", "ec2:CreateRouteTable",
          "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateVpc", "ec2:CreateVpcEndpoint",
        ]
        Resource  = ["${local.arn.ec2}:*/*"]
        Condition = local.tagging
      },
      # Only while they are made: who may tag what is there could make anything theirs.
      {
        Action   = ["ec2:CreateTags"]
        Resource = ["${local.arn.ec2}:*/*"]
        Condition = { StringEquals = merge(local.tagging.StringEquals, { "ec2:CreateAction" = [
          "AllocateAddress", "AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateFlowLogs",
          "CreateInternetGateway", "CreateLaunchTemplate", "CreateNatGateway", "CreateRouteTable", "CreateSecurityGroup",
          "CreateSubnet", "CreateVpc", "CreateVpcEndpoint", "RunInstances",
        ] }) }
      },
      {
        Action = [
          "ec2:AssociateAddress", "ec2:AssociateRouteTable", "ec2:AttachInternetGateway", "ec2:AuthorizeSecurityGroupEgress",
          "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateFlowLogs", "ec2:CreateLaunchTemplateVersion", "ec2:CreateNatGateway",
          "ec2:CreateRoute", "ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateTags",
          "ec2:CreateVpcEndpoint", "ec2:DeleteFlowLogs", "ec2:DeleteInternetGateway", "ec2:DeleteLaunchTemplate",
          "ec2:DeleteLaunchTemplateVersions", "ec2:DeleteNatGateway", "ec2:DeleteRoute", "ec2:DeleteRouteTable",
          "ec2:DeleteSecurityGroup", "ec2:DeleteSubnet", "ec2:DeleteTags", "ec2:DeleteVpc", "ec2:DeleteVpcEndpoints",
          "ec2:DetachInternetGateway", "ec2:DisassociateAddress", "ec2:DisassociateRouteTable", "ec2:ModifyLaunchTemplate",
          "ec2:ModifySecurityGroupRules", "ec2:ModifySubnetAttribute", "ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint",
          "ec2:ReleaseAddress", "ec2:ReplaceRoute", "ec2:ReplaceRouteTableAssociation", "ec2:RevokeSecurityGroupEgress",
          "ec2:RevokeSecurityGroupIngress", "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
          "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
        ]
        Resource  = ["${local.arn.ec2}:*/*"]
        Condition = local.tagged
      },
      # Auto Scaling asks whether its caller could start what the launch template says.
      {
        Action    = ["ec2:RunInstances"]
        Resource  = ["${local.arn.ec2}:*/*", "arn:${local.partition}:ec2:${var.region}::image/*"]
        Condition = { ArnLike = { "ec2:LaunchTemplate" = "${local.arn.ec2}:launch-template/*" }, Bool = { "ec2:IsLaunchTemplateResource" = "true" } }
      },
      {
        Action = [
          "autoscaling:CancelInstanceRefresh", "autoscaling:CreateAutoScalingGroup", "autoscaling:CreateOrUpdateTags",
          "autoscaling:DeleteAutoScalingGroup", "autoscaling:DeletePolicy", "autoscaling:DeleteTags",
          "autoscaling:DisableMetricsCollection", "autoscaling:EnableMetricsCollection", "autoscaling:PutScalingPolicy",
          "autoscaling:SetDesiredCapacity", "autoscaling:StartInstanceRefresh", "autoscaling:UpdateAutoScalingGroup",
        ]
        Resource = ["${local.arn.autoscaling}:autoScalingGroup:*:autoScalingGroupName/${local.worker_name}"]
      },
    ]

    watching = [
      {
        Action = [
          "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteMetricFilter",
          "logs:DeleteRetentionPolicy", "logs:DescribeMetricFilters", "logs:ListTagsForResource", "logs:PutMetricFilter",
          "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource",
        ]
        Resource = flatten([for group in [
          "/aws/lambda/${local.name}", "/aws/lambda/${local.name}-*", "${local.ssm_prefix}/*", "API-Gateway-Execution-Logs_*/${var.stage}",
        ] : ["${local.arn.logs}:log-group:${group}", "${local.arn.logs}:log-group:${group}:*"]])
      },
      {
        Action = [
          "cloudwatch:DeleteAlarms", "cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource",
          "cloudwatch:UntagResource",
        ]
        Resource = ["${local.arn.cloudwatch}:alarm:${local.name}-*"]
      },
      {
        Action   = ["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"]
        Resource = ["arn:${local.partition}:cloudwatch::${local.account_id}:dashboard/${local.name}"]
      },
      {
        Action = [
          "sns:CreateTopic", "sns:DeleteTopic", "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:ListTagsForResource",
          "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:UntagResource",
        ]
        Resource = [local.alarm_topic_arn]
      },
      # A subscription's ARN ends in an id of Amazon's choice.
      { Action = ["sns:GetSubscriptionAttributes", "sns:Unsubscribe"], Resource = ["${local.alarm_topic_arn}:*"] },
      # The key is a person's to make and change.
      {
        Action    = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
        Resource  = ["${local.arn.kms}:key/*"]
        Condition = local.tagged
      },
      # Lists: AWS takes no resource.
      {
        Action = [
          "cloudwatch:DescribeAlarms", "cognito-idp:DescribeUserPoolDomain", "logs:DescribeLogGroups",
        ]
        Resource  = ["*"]
        Condition = local.here
      },
      # The pool is a person's to make and delete. DescribeUserPoolClient tells a client's secret:
      # Terraform cannot compare a client without it.
      {
        Action = [
          "cognito-idp:CreateResourceServer", "cognito-idp:CreateUserPoolClient", "cognito-idp:CreateUserPoolDomain",
          "cognito-idp:DeleteResourceServer", "cognito-idp:DeleteUserPoolClient",
          "cognito-idp:DeleteUserPoolDomain", "cognito-idp:DescribeResourceServer", "cognito-idp:DescribeUserPool",
          "cognito-idp:DescribeUserPoolClient", "cognito-idp:GetUserPoolMfaConfig", "cognito-idp:ListTagsForResource",
          "cognito-idp:SetUserPoolMfaConfig", "cognito-idp:TagResource", "cognito-idp:UntagResource",
          "cognito-idp:UpdateResourceServer", "cognito-idp:UpdateUserPool", "cognito-idp:UpdateUserPoolClient",
          "cognito-idp:UpdateUserPoolDomain",
        ]
        Resource  = ["${local.arn["cognito-idp"]}:userpool/*"]
        Condition = local.tagged
      },
    ]

    roles = [
      {
        Action = [
          "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole",
          "iam:ListRolePolicies", "iam:ListRoleTags",
        ]
        Resource = [local.stack_roles_arn]
      },
      {
        Action   = ["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyTags", "iam:ListPolicyVersions"]
        Resource = ["${local.iam_arn}:policy/${local.name}-*"]
      },
      { Action = ["iam:GetOpenIDConnectProvider"], Resource = [local.github_arn] },
      {
        Action    = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"]
        Resource  = [local.stack_roles_arn]
        Condition = { StringEquals = { "iam:PermissionsBoundary" = local.boundary_arn } }
      },
      { Action = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateRole"], Resource = [local.stack_roles_arn] },
      {
        Action = [
          "iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile", "iam:GetInstanceProfile",
          "iam:RemoveRoleFromInstanceProfile", "iam:TagInstanceProfile", "iam:UntagInstanceProfile",
        ]
        Resource = ["${local.iam_arn}:instance-profile/${local.name}-*"]
      },
      {
        Action   = ["iam:PassRole"]
        Resource = [local.stack_roles_arn]
        Condition = { StringEquals = { "iam:PassedToService" = [
          "ec2.amazonaws.com", "lambda.amazonaws.com", "vpc-flow-logs.amazonaws.com",
        ] } }
      },
      {
        Action   = ["iam:CreateServiceLinkedRole"]
        Resource = ["${local.iam_arn}:role/aws-service-role/*"]
        Condition = { StringEquals = { "iam:AWSServiceName" = [
          "autoscaling.amazonaws.com", "elasticache.amazonaws.com", "memorydb.amazonaws.com", "ops.apigateway.amazonaws.com",
          "spot.amazonaws.com",
        ] } }
      },
      # Nobody pulls themselves up: its own role, policies and boundary are a person's to change.
      {
        Effect = "Deny"
        Action = [
          "iam:AddRoleToInstanceProfile", "iam:AttachRolePolicy", "iam:DeleteRole", "iam:DeleteRolePermissionsBoundary",
          "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PassRole", "iam:PutRolePermissionsBoundary",
          "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
        ]
        Resource = [local.deploy_role_arn]
      },
    ]

    # Certificate and address are a person's to change: they name who answers for the domain.
    domain = [
      {
        Action    = ["acm:DescribeCertificate", "acm:ListTagsForCertificate"]
        Resource  = ["${local.arn.acm}:certificate/*"]
        Condition = local.tagged
      },
      {
        Action   = ["route53:GetHostedZone", "route53:ListResourceRecordSets"]
        Resource = ["arn:${local.partition}:route53:::hostedzone/${try(coalesce(var.domain.zone_id, "none"), "none")}"]
      },
    ]
  }

  deploy_policies = local.deployers == 0 ? {} : {
    for name, statements in local.deploy_statements : name => jsonencode({
      Version   = "2012-10-17"
      Statement = [for statement in statements : merge({ Effect = "Allow" }, statement)]
    }) if name != "domain" || local.domains > 0
  }

  # docs.github.com, "OpenID Connect reference", immutable subject claims. One form alone is taken: who
  # gets hold of a name that was given up has other numbers.
  github_subject = try(
    var.github.repository_id == null ? var.github.repository : format(
      "%s@%s/%s@%s", split("/", var.github.repository)[0], var.github.owner_id,
      split("/", var.github.repository)[1], var.github.repository_id,
    ),
    "",
  )

  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = local.github_arn }
      Condition = { StringEquals = {
        "${local.github_host}:aud" = "sts.amazonaws.com"
        "${local.github_host}:sub" = "repo:${local.github_subject}:environment:${var.stage}"
      } }
    }]
  })
}

resource "aws_iam_openid_connect_provider" "github" {
  count          = try(var.github.provider_arn, null) == null ? local.deployers : 0
  url            = "https://${local.github_host}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_policy" "boundary" {
  count       = local.deployers
  name        = local.boundary
  description = "The most that a role of ${local.name} may ever do."
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.boundary_statements })
}

resource "aws_iam_role" "deploy" {
  count                = local.deployers
  name                 = local.deploy_role
  description          = "GitHub Actions deploys ${local.name}."
  assume_role_policy   = local.trust
  max_session_duration = 3600
  depends_on           = [aws_iam_openid_connect_provider.github]
}

resource "aws_iam_policy" "deploy" {
  for_each    = local.deploy_policies
  name        = "${local.deploy_role}-${each.key}"
  description = "What GitHub Actions may do to deploy ${local.name}: ${each.key}."
  policy      = each.value

  lifecycle {
    precondition {
      condition     = length(each.value) <= 6144
      error_message = "A managed policy holds 6,144 characters, this one ${length(each.value)}."
    }
  }
}

resource "aws_iam_role_policy_attachment" "deploy" {
  for_each   = aws_iam_policy.deploy
  role       = aws_iam_role.deploy[0].name
  policy_arn = each.value.arn
}
