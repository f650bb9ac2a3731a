provider "calico" {
  lockout_guard {
    mode = "error"

    flow {
      name = "ssh"
      port = 22
      cidr = "10.1.0.0/24"
    }
    flow {
      name      = "etcd"
      direction = "egress"
      port      = 2379
      cidr      = "10.2.0.11"
    }
    flow {
      name              = "postgres"
      port              = 5432
      cidr              = "10.4.0.0/16"
      endpoint_selector = "role == 'db'"
    }
  }
}

resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]

  etcd_server {
    address = "10.2.0.11"
  }
}

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
      ports = [5432]
    }
  }
}

resource "calico_host_endpoint" "db1" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  labels         = { role = "db" }

  # What lets the guarded traffic through is created first, and destroyed last.
  depends_on = [calico_failsafe_policy.this, calico_global_network_policy.postgres]
}
