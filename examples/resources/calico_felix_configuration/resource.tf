resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]

  etcd_server {
    address = "10.2.0.11"
  }

  # What else hosts used to reach by the built-in ports: DNS.
  extra_egress {
    action   = "Allow"
    protocol = "UDP"

    destination {
      nets  = ["10.1.0.53/32"]
      ports = [53]
    }
  }
}

resource "calico_host_endpoint" "db1_eth0" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  depends_on     = [calico_failsafe_policy.this]
}

# Felix's built-in failsafe ports let in SSH and more from everywhere. With a policy
# that lets in the management networks alone, they can be switched off.
resource "calico_felix_configuration" "default" {
  name                         = "default"
  failsafe_inbound_host_ports  = []
  failsafe_outbound_host_ports = []

  # Off last, and on again first: without ports and policy no host can be reached.
  depends_on = [calico_failsafe_policy.this, calico_host_endpoint.db1_eth0]
}
