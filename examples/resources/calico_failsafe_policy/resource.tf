resource "calico_failsafe_policy" "this" {
  # Who may open SSH to the hosts.
  management_cidrs = ["10.1.0.0/24"]

  # What every host must be able to reach.
  etcd_servers = [
    { address = "10.2.0.11" },
    { address = "10.2.0.12" },
    { address = "10.2.0.13", ports = [2379, 2380] },
  ]

  # Only where Calico routes the traffic of workloads: the BGP peers of the hosts.
  bgp_peers = ["10.3.0.0/24"]

  extra_ingress = [
    {
      action      = "Allow"
      protocol    = "TCP"
      source      = { nets = ["10.1.9.0/28"] }
      destination = { ports = [9100, "9256:9260"] }
      metadata    = { annotations = { reason = "monitoring" } }
    },
  ]

  extra_egress = [
    {
      action      = "Allow"
      protocol    = "UDP"
      destination = { nets = ["10.1.0.53/32"], ports = [53] }
      metadata    = { annotations = { reason = "DNS" } }
    },
  ]
}

# What will be enforced, as YAML, for whoever reviews the plan.
output "failsafe_policy" {
  value = calico_failsafe_policy.this.manifest
}
