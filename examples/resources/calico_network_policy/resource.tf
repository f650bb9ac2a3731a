# The workloads of the namespace that are databases take connections from those
# that are the application, and from nobody else.
resource "calico_network_policy" "allow_db" {
  name      = "allow-db"
  namespace = "production"
  order     = 100
  selector  = "role == 'db'"

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
