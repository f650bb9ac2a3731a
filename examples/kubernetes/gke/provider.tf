variable "cluster_endpoint" {
  description = "Such as google_container_cluster.prod.endpoint: an address."
  type        = string
}

variable "cluster_ca" {
  description = "Such as google_container_cluster.prod.master_auth[0].cluster_ca_certificate."
  type        = string
}

provider "calico" {
  kubernetes {
    host                   = "https://${var.cluster_endpoint}"
    cluster_ca_certificate = base64decode(var.cluster_ca)

    exec {
      api_version = "client.authentication.k8s.io/v1beta1"
      command     = "gke-gcloud-auth-plugin"
    }
  }
}
