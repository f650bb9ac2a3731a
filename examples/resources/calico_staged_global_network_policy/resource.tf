# What would happen if only the clients reached the web servers? It is looked at,
# and not enforced, until there is a calico_global_network_policy like it.
resource "calico_staged_global_network_policy" "allow_web" {
  name     = "allow-web"
  order    = 100
  selector = "role == 'web'"

  ingress {
    action   = "Allow"
    protocol = "TCP"

    source {
      nets = ["10.0.0.0/16"]
    }
    destination {
      ports = [80, 443]
    }
  }
}
