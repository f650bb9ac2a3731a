variable "cluster_endpoint" {
  description = "Such as aws_eks_cluster.prod.endpoint."
  type        = string
}

variable "cluster_ca" {
  description = "Such as aws_eks_cluster.prod.certificate_authority[0].data."
  type        = string
}

provider "calico" {
  kubernetes {
    host                   = var.cluster_endpoint
    cluster_ca_certificate = base64decode(var.cluster_ca)

    # A token of EKS lasts 15 minutes: the program is run again when it has expired.
    exec {
      api_version = "client.authentication.k8s.io/v1beta1"
      command     = "aws"
      args        = ["eks", "get-token", "--cluster-name", "prod"]
    }
  }
}
