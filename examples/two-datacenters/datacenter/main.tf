terraform {
  # The output uses a function of the provider.
  required_version = ">= 1.8"

  required_providers {
    calico = {
      source = "calico-terraform/calico"
    }
  }
}

# The steps of Calico's guide, in its order.

# 1. A tier for what no other policy may overrule, if it is wanted. Calico has tiers
# from v3.29 on.
resource "calico_tier" "security" {
  count = var.security_tier ? 1 : 0

  # Before the tier "default".
  name  = "security"
  order = 100

  # What is not decided here goes on to the next tier.
  default_action = "Pass"
}

# 2. The policy that keeps every host reachable. It is the first policy of the first
# tier, so that no other one can close what it opens: neither the quarantine below
# nor a policy that somebody adds later.
resource "calico_failsafe_policy" "this" {
  # Up to v3.31 the name of a policy begins with that of its tier.
  name  = var.security_tier ? "security.failsafe" : "failsafe"
  tier  = one(calico_tier.security[*].name)
  order = 0

  management_cidrs = var.management_cidrs
  bgp_peers        = var.bgp_peers

  dynamic "etcd_server" {
    for_each = var.etcd_servers
    content {
      address = etcd_server.value.address
      ports   = etcd_server.value.ports
    }
  }

  # DNS: two rules for each server. Networks in rules have a prefix length.
  dynamic "extra_egress" {
    for_each = setproduct(var.dns_servers, ["UDP", "TCP"])
    content {
      action   = "Allow"
      protocol = extra_egress.value[1]

      destination {
        nets  = ["${extra_egress.value[0]}/${strcontains(extra_egress.value[0], ":") ? 128 : 32}"]
        ports = [53]
      }
    }
  }

  # With security_tier the name changes. The new policy is there before the old one goes.
  lifecycle {
    create_before_destroy = true
  }
}

# 3. Hosts with the label quarantine keep what the failsafe policy allows, as SSH from
# the management networks and the way to etcd, and nothing else. That is why there are
# no Allow rules here. (Connections that are open already are not cut, and Calico's
# built-in failsafe ports stay open while they are on.)
resource "calico_global_network_policy" "quarantine" {
  count = var.security_tier ? 1 : 0

  name     = "security.quarantine"
  tier     = calico_tier.security[0].name
  order    = 100
  selector = "has(quarantine)"

  ingress {
    action = "Deny"
  }
  egress {
    action = "Deny"
  }

  depends_on = [calico_failsafe_policy.this]
}

# 4. Networks that policies refer to by their labels.
resource "calico_global_network_set" "this" {
  for_each = var.network_sets

  name   = each.key
  nets   = each.value
  labels = { network-set = each.key }
}

# 5. What the hosts are for: ordinary policies, in the tier "default".
resource "calico_global_network_policy" "open_ports" {
  for_each = var.open_ports

  name     = "allow-${each.key}"
  order    = 100
  selector = "role == '${each.key}'"

  ingress {
    action   = "Allow"
    protocol = "TCP"

    source {
      selector = "network-set == 'clients'"
    }
    destination {
      ports = each.value
    }
  }
}

# 6. From here on the hosts are protected.
resource "calico_host_endpoint" "host" {
  for_each = var.hosts

  name           = "${each.key}-${each.value.interface == "*" ? "all" : each.value.interface}"
  node           = each.key
  interface_name = each.value.interface
  expected_ips   = each.value.addresses
  labels         = each.value.labels

  # No host is protected before the policies that let traffic in are there.
  depends_on = [
    calico_failsafe_policy.this,
    calico_global_network_set.this,
    calico_global_network_policy.open_ports,
  ]
}

# 7. Last of all, Calico's own failsafe ports are switched off: the failsafe policy says
# better who may use them. On destroy they are switched on first.
resource "calico_felix_configuration" "default" {
  count = var.builtin_failsafe_ports ? 0 : 1

  name                         = "default"
  failsafe_inbound_host_ports  = []
  failsafe_outbound_host_ports = []

  depends_on = [calico_host_endpoint.host]
}
