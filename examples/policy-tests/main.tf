terraform {
  required_providers {
    calico = {
      source = "calico-terraform/calico"
    }
  }
}

variable "clients" {
  description = "Networks of the clients of the database: at least one, and all of one IP version."
  type        = list(string)
}

resource "calico_global_network_policy" "database" {
  name     = "database"
  order    = 100
  selector = "role == 'db'"

  ingress {
    action   = "Allow"
    protocol = "TCP"

    source {
      nets = var.clients
    }
    destination {
      ports = [5432]
    }
  }
}

output "objects" {
  description = "The objects of this module, for calico_connectivity and for tests."
  value       = [calico_global_network_policy.database.object]
}
