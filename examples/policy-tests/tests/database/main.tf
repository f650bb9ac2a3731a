# What the tests are run on: the module, and a host as its users have it.
terraform {
  required_providers {
    calico = {
      source = "calico-terraform/calico"
    }
  }
}

variable "clients" {
  type = list(string)
}

variable "flow" {
  type = any
}

module "policies" {
  source  = "../.."
  clients = var.clients
}

resource "calico_host_endpoint" "db1" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  labels         = { role = "db" }
}

output "verdict" {
  value = provider::calico::verdict(
    concat(module.policies.objects, [calico_host_endpoint.db1.object]),
    var.flow,
    "3.31",
  ).verdict
}
