# Who may open SSH to the hosts, and what every host must be able to reach.
resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24", "2001:db8:1::/64"]

  etcd_server {
    address = "10.2.0.11"
  }
}

# What the hosts are for. A port that no policy allows is closed.
resource "calico_global_network_policy" "postgres" {
  name     = "postgres"
  order    = 100
  selector = "role == 'db'"

  ingress {
    action   = "Allow"
    protocol = "TCP"

    source {
      nets = ["10.4.0.0/16"]
    }
    destination {
      ports = ["postgres"]
    }
  }
}

resource "calico_host_endpoint" "db1_eth0" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  expected_ips   = ["10.0.0.5", "2001:db8::5"]

  labels = {
    role        = "db"
    environment = "production"
  }

  # The name that the policy above calls the port by.
  port {
    name     = "postgres"
    port     = 5432
    protocol = "TCP"
  }

  # What lets traffic in is created first, and destroyed last.
  depends_on = [calico_failsafe_policy.this, calico_global_network_policy.postgres]
}
