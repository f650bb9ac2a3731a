# Whoever is in the network set "clients" reaches the web servers. What no rule
# allows there is dropped.
resource "calico_global_network_policy" "allow_web" {
  name     = "allow-web"
  order    = 100
  selector = "role == 'web'"

  ingress {
    action   = "Allow"
    protocol = "TCP"

    source {
      selector = "network-set == 'clients'"
    }
    destination {
      ports = [80, 443, "8000:8080"]
    }
  }
}

# A tier of its own, before all of that. Up to v3.31 the name of a policy begins
# with that of its tier.
resource "calico_tier" "security" {
  name           = "security"
  order          = 100
  default_action = "Pass"
}

# The failsafe policy comes first in the first tier, so that SSH and etcd stay open
# whatever comes after it.
resource "calico_failsafe_policy" "this" {
  name             = "security.failsafe"
  tier             = calico_tier.security.name
  order            = 0
  management_cidrs = ["10.1.0.0/24"]

  etcd_server {
    address = "10.2.0.11"
  }
}

# A host with the label quarantine has nothing left but what the failsafe policy
# allows. Connections that are open already are not cut.
resource "calico_global_network_policy" "quarantine" {
  name     = "security.quarantine"
  tier     = calico_tier.security.name
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
