# What hosts may do in a direction in which no policy selects them.
resource "calico_profile" "hosts" {
  name = "hosts"

  egress {
    action = "Allow"
  }

  # Every endpoint with this profile bears the label, too.
  labels_to_apply = { kind = "host" }
}

# This policy decides about what comes in, and about nothing else. (A failsafe
# policy decides about both directions.)
resource "calico_global_network_policy" "ssh" {
  name     = "ssh"
  selector = "kind == 'host'"

  ingress {
    action   = "Allow"
    protocol = "TCP"

    source {
      nets = ["10.1.0.0/24"]
    }
    destination {
      ports = [22]
    }
  }
}

# So the host takes SSH from the management network, and connects to anything.
resource "calico_host_endpoint" "db1_eth0" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  profiles       = [calico_profile.hosts.name]
  depends_on     = [calico_global_network_policy.ssh]
}
