# In the tier "default", after the failsafe policy: whoever is in the network set
# "clients" reaches the web servers. What no rule allows there is dropped.
resource "calico_global_network_policy" "allow_web" {
  name     = "allow-web"
  order    = 100
  selector = "role == 'web'"

  ingress = [
    {
      action      = "Allow"
      protocol    = "TCP"
      source      = { selector = "network-set == 'clients'" }
      destination = { ports = [80, 443, "8000:8080"] }
    },
  ]
}

# In a tier of its own, before all of that. Up to v3.31 the name of a policy begins
# with that of its tier.
resource "calico_tier" "security" {
  name           = "security"
  order          = 100
  default_action = "Pass"
}

resource "calico_global_network_policy" "quarantine" {
  name     = "security.quarantine"
  tier     = calico_tier.security.name
  selector = "has(quarantine)"
  types    = ["Ingress", "Egress"]

  ingress = [{ action = "Deny" }]
  egress  = [{ action = "Deny" }]
}
