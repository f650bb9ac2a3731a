variable "clients" {
  description = "Networks of the clients of the database."
  type        = list(string)
  default     = ["10.4.0.0/16", "10.5.0.0/16", "2001:db8:4::/48"]
}

# Calico takes networks of one IP version in a rule: there is a rule for each version
# that has networks. Without any network there is no rule, and nobody gets in.
resource "calico_global_network_policy" "database" {
  name     = "database"
  order    = 100
  selector = "role == 'db'"
  types    = ["Ingress"]

  dynamic "ingress" {
    for_each = [for nets in [
      [for net in var.clients : net if !strcontains(net, ":")],
      [for net in var.clients : net if strcontains(net, ":")],
    ] : nets if length(nets) > 0]

    content {
      action   = "Allow"
      protocol = "TCP"

      source {
        nets = ingress.value
      }
      destination {
        ports = [5432]
      }
    }
  }
}
