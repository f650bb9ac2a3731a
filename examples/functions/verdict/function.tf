resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]

  etcd_server {
    address = "10.2.0.11"
  }
}

resource "calico_host_endpoint" "db1" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  depends_on     = [calico_failsafe_policy.this]

  lifecycle {
    # Stops the plan.
    postcondition {
      condition = provider::calico::verdict(
        [calico_failsafe_policy.this.object, self.object],
        { protocol = "ICMP", icmp_type = 8, cidr = "10.1.0.0/24" },
      ).verdict == "allow"
      error_message = "The management network could not ping this host."
    }
  }
}

output "etcd" {
  value = provider::calico::verdict(
    [calico_failsafe_policy.this.object, calico_host_endpoint.db1.object],
    { endpoint = "db1-eth0", direction = "egress", port = 2379, cidr = "10.2.0.11" },
    "3.31",
  ).decided_by
}
