provider "calico" {
  kubernetes {
    config_path    = pathexpand("~/.kube/config")
    config_context = "prod"
  }
}
