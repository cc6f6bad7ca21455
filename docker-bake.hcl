# SPDX-License-Identifier: Apache-2.0
# For people with buildx: npm run build && BASE_IMAGE=HOST/NAME:nonroot@sha256:… docker buildx bake
# Without an engine, "npm run images" builds the same Dockerfiles into an OCI layout, reproducibly.

variable "BASE_IMAGE" {
  description = "A distroless image of Node 24 for linux/amd64 and linux/arm64, by digest."
  default     = ""
  validation {
    condition     = length(regexall("@sha256:[0-9a-f]{64}$", BASE_IMAGE)) == 1
    error_message = "BASE_IMAGE must end in @sha256: and 64 hex digits: a tag can be moved between two builds."
  }
}

variable "REPOSITORY" {
  description = "Registry and path that the images are named under."
  default     = "ghcr.io/tekton-supply-chain"
}

variable "VERSION" {
  default = "0.0.0-dev"
}

variable "REVISION" {
  description = "Commit that the images are built from."
  default     = ""
}

group "default" {
  targets = ["image"]
}

target "image" {
  name = image
  matrix = {
    image = [
      "admission-provider",
      "approval-gate",
      "argocd-sync",
      "cosign-sign",
      "gitops-commit",
      "grafeas-store",
      "notify",
      "policy-check",
      "promote",
      "rekor-upload",
      "sbom-generate",
      "supply-chain",
    ]
  }
  context    = "."
  dockerfile = "images/${image}/Dockerfile"
  platforms  = ["linux/amd64", "linux/arm64"]
  tags       = ["${REPOSITORY}/${image}:${VERSION}"]
  args = {
    BASE_IMAGE = BASE_IMAGE
    VERSION    = VERSION
    # Read by BuildKit itself: all times in the image are this one.
    SOURCE_DATE_EPOCH = "0"
  }
  annotations = [
    "index,manifest:org.opencontainers.image.title=${image}",
    "index,manifest:org.opencontainers.image.version=${VERSION}",
    "index,manifest:org.opencontainers.image.revision=${REVISION}",
    "index,manifest:org.opencontainers.image.licenses=Apache-2.0",
    "index,manifest:org.opencontainers.image.base.name=${BASE_IMAGE}",
  ]
  attest = ["type=provenance,mode=max", "type=sbom"]
  output = ["type=image,rewrite-timestamp=true"]
}
