resource "calico_failsafe_policy" "this" {
  # Who may open SSH to the hosts.
  management_cidrs = ["10.1.0.0/24"]

  # What every host must be able to reach.
  etcd_server {
    address = "10.2.0.11"
  }
  etcd_server {
    address = "10.2.0.12"
  }
  etcd_server {
    address = "10.2.0.13"
    ports   = [2379, 2380]
  }

  # Only if Calico routes the traffic of workloads: the BGP peers of the hosts.
  bgp_peers = ["10.3.0.0/24"]

  # Monitoring.
  extra_ingress {
    action   = "Allow"
    protocol = "TCP"

    source {
      nets = ["10.1.9.0/28"]
    }
    destination {
      ports = [9100, "9256:9260"]
    }
    metadata {
      annotations = { ticket = "NET-1234" }
    }
  }

  # DNS.
  extra_egress {
    action   = "Allow"
    protocol = "UDP"

    destination {
      nets  = ["10.1.0.53/32"]
      ports = [53]
    }
  }
}

# All of its rules as YAML, for whoever reviews the plan. Functions need Terraform 1.8
# or later.
output "failsafe_policy" {
  value = provider::calico::manifest(calico_failsafe_policy.this.object)
}
