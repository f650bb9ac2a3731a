terraform {
  required_providers {
    calico = {
      source = "calico-terraform/calico"
    }
  }
}

variable "management_cidrs" {
  description = "Networks from which administrators may open SSH."
  type        = set(string)
}

variable "etcd_servers" {
  description = "The etcd servers that every host must reach."
  type = list(object({
    address = string
    ports   = optional(list(string), ["2379"])
  }))
}

variable "bgp_peers" {
  description = "Networks that hosts speak BGP with, or null for none."
  type        = set(string)
  default     = null
}

variable "hosts" {
  description = "The hosts to protect: for each, by its name, its interface, addresses and labels."
  type = map(object({
    interface = optional(string, "*")
    addresses = optional(set(string), [])
    labels    = optional(map(string), {})
  }))
}

resource "calico_failsafe_policy" "this" {
  management_cidrs = var.management_cidrs
  etcd_servers     = var.etcd_servers
  bgp_peers        = var.bgp_peers
}

resource "calico_host_endpoint" "host" {
  for_each = var.hosts

  name           = each.value.interface == "*" ? "${each.key}-all" : "${each.key}-${each.value.interface}"
  node           = each.key
  interface_name = each.value.interface
  expected_ips   = each.value.addresses
  labels         = each.value.labels

  depends_on = [calico_failsafe_policy.this]
}

output "manifest" {
  description = "The failsafe policy, as calicoctl would take it."
  value       = calico_failsafe_policy.this.manifest
}
