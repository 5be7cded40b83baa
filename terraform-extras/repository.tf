# Where the worker's images lie: `{repository}:{app}-{tag}`, tinyllama-dev:worker-1.2.3 say.

variable "image_repository" {
  description = "Whether the stage has an ECR repository for images of the worker; it costs nothing while empty."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = var.image_repository || try(var.worker.image, null) == null
    error_message = "worker.image needs the stage's repository: leave image_repository on."
  }
}

locals {
  repository_count = var.image_repository ? 1 : 0
  repository_host  = "${local.account_id}.dkr.ecr.${var.region}.${data.aws_partition.chalice.dns_suffix}"
  repository_url   = var.image_repository ? "${local.repository_host}/${local.name}" : null
  repository_arn   = "${local.arn.ecr}:repository/${local.name}"
}

resource "aws_ecr_repository" "images" {
  count                = local.repository_count
  name                 = local.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = !var.deletion_protection

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "images" {
  count      = local.repository_count
  repository = aws_ecr_repository.images[0].name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "What lost its tag goes after a week"
        selection = {
          tagStatus   = "untagged"
          countType   = "sinceImagePushed"
          countUnit   = "days"
          countNumber = 7
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "The newest twenty of the worker stay"
        selection = {
          tagStatus      = "tagged"
          tagPatternList = ["worker-*"]
          countType      = "imageCountMoreThan"
          countNumber    = 20
        }
        action = { type = "expire" }
      },
    ]
  })
}
