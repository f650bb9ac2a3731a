terraform {
  required_providers {
    calico = {
      source = "calico-terraform/calico"
    }
  }
}

provider "calico" {
  etcd {
    endpoints = ["https://etcd1.example.net:2379", "https://etcd2.example.net:2379"]

    ca_cert_file = "/etc/calico/certs/ca.pem"
    cert_file    = "/etc/calico/certs/terraform.pem"
    key_file     = "/etc/calico/certs/terraform-key.pem"
  }

  # Only if nothing in the datastore tells its release.
  calico_version = "3.31"
}
