terraform {
  required_providers {
    calico = {
      source = "calico-terraform/calico"
    }
  }
}

# The steps of Calico's guide, in its order.

# 1. The policy that keeps every host reachable.
resource "calico_failsafe_policy" "this" {
  management_cidrs = var.management_cidrs
  etcd_servers     = var.etcd_servers
  bgp_peers        = var.bgp_peers
}

# 2. Networks that policies refer to by their labels.
resource "calico_global_network_set" "this" {
  for_each = var.network_sets

  name   = each.key
  nets   = each.value
  labels = { network-set = each.key }
}

# 3. A tier of its own for what no other policy may overrule. Calico has tiers from
# v3.29 on.
resource "calico_tier" "security" {
  count = var.security_tier ? 1 : 0

  name  = "security"
  order = 100

  # What is not decided here goes on to the next tier.
  default_action = "Pass"
}

resource "calico_global_network_policy" "quarantine" {
  count = var.security_tier ? 1 : 0

  # Up to v3.31 the name of a policy begins with that of its tier.
  name     = "security.quarantine"
  tier     = calico_tier.security[0].name
  order    = 0
  selector = "has(quarantine)"
  types    = ["Ingress", "Egress"]

  ingress = [
    {
      # Whoever looks into the matter still gets in.
      action      = "Allow"
      protocol    = "TCP"
      source      = { nets = [for cidr in var.management_cidrs : cidr if !strcontains(cidr, ":")] }
      destination = { ports = [22] }
    },
    { action = "Deny" },
  ]
  egress = [{ action = "Deny" }]
}

# 4. Ordinary policies, in the tier "default", after the failsafe policy.
resource "calico_global_network_policy" "web" {
  name     = "allow-web"
  order    = 100
  selector = "role == 'web'"

  ingress = [
    {
      action      = "Allow"
      protocol    = "TCP"
      source      = { selector = "network-set == 'clients'" }
      destination = { ports = [80, 443] }
    },
  ]
}

# 5. From here on the hosts are protected.
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

# 6. Last of all, Calico's own failsafe ports are switched off: the policy above
# says better who may use them. On destroy this goes first.
resource "calico_felix_configuration" "default" {
  count = var.builtin_failsafe_ports ? 0 : 1

  name                         = "default"
  failsafe_inbound_host_ports  = []
  failsafe_outbound_host_ports = []

  depends_on = [calico_host_endpoint.host]
}
