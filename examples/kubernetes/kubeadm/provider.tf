provider "calico" {
  kubernetes {
    host                        = "https://10.2.0.21:6443"
    cluster_ca_certificate_file = "/etc/kubernetes/pki/ca.crt"
    client_certificate_file     = "/etc/calico/terraform.crt"
    client_key_file             = "/etc/calico/terraform.key"
  }
}
