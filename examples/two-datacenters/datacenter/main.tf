terraform {
  required_providers {
    calico = {
      source = "calico-terraform/calico"
    }
  }
}

resource "calico_failsafe_policy" "this" {
  management_cidrs = var.management_cidrs
  etcd_servers     = var.etcd_servers
  bgp_peers        = var.bgp_peers
}

resource "calico_host_endpoint" "host" {
  for_each = var.hosts

  name           = "${each.key}-${each.value.interface == "*" ? "all" : each.value.interface}"
  node           = each.key
  interface_name = each.value.interface
  expected_ips   = each.value.addresses
  labels         = each.value.labels

  # No host is protected before the policy that keeps it reachable is there.
  depends_on = [calico_failsafe_policy.this]
}
