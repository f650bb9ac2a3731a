provider "calico" {
  datastore_type = "kubernetes"
}
