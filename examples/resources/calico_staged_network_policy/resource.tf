# What would happen if only the application reached the databases? It is looked
# at, and not enforced.
resource "calico_staged_network_policy" "allow_db" {
  name          = "allow-db"
  namespace     = "production"
  staged_action = "Set"
  selector      = "role == 'db'"

  ingress {
    action   = "Allow"
    protocol = "TCP"

    source {
      selector = "role == 'app'"
    }
    destination {
      ports = [5432]
    }
  }
}
