terraform {
  required_providers {
    calico = {
      source = "calico-terraform/calico"
    }
  }
}

variable "kubeconfig" {
  description = "Path of the kubeconfig of a user that has the roles in ../kubernetes-nodes/clusterrole.yaml."
  type        = string
}

variable "namespace" {
  description = "The namespace to lock down."
  type        = string
  default     = "shop"
}

variable "database_clients" {
  description = "Which pods of the namespace may reach the database: an expression for their labels."
  type        = string
  default     = "app == 'web'"
}

provider "calico" {
  kubernetes {
    config_path = var.kubeconfig
  }
}

# What must go on: visitors come through the ingress controller,
resource "calico_network_policy" "web" {
  name      = "web"
  namespace = var.namespace
  order     = 100
  selector  = "app == 'web'"
  types     = ["Ingress", "Egress"]

  ingress {
    action   = "Allow"
    protocol = "TCP"

    source {
      namespace_selector = "kubernetes.io/metadata.name == 'ingress-nginx'"
    }
    destination {
      ports = ["8080"]
    }
  }

  egress {
    action   = "Allow"
    protocol = "TCP"

    destination {
      selector = "app == 'db'"
      ports    = ["5432"]
    }
  }
}

# the database serves those that need it,
resource "calico_network_policy" "db" {
  name      = "db"
  namespace = var.namespace
  order     = 100
  selector  = "app == 'db'"
  types     = ["Ingress"]

  ingress {
    action   = "Allow"
    protocol = "TCP"

    source {
      selector = var.database_clients
    }
    destination {
      ports = ["5432"]
    }
  }
}

# and all ask the name servers of the cluster. As soon as a policy selects a pod, everything
# else of that direction is denied to the pod: so this one, for all pods, comes after those
# that let some of them do more.
resource "calico_network_policy" "dns" {
  name      = "dns"
  namespace = var.namespace
  order     = 100
  types     = ["Egress"]

  dynamic "egress" {
    for_each = ["UDP", "TCP"]

    content {
      action   = "Allow"
      protocol = egress.value

      destination {
        namespace_selector = "kubernetes.io/metadata.name == 'kube-system'"
        selector           = "k8s-app == 'kube-dns'"
        ports              = ["53"]
      }
    }
  }

  depends_on = [calico_network_policy.web, calico_network_policy.db]
}

# Nothing else is allowed to the pods of the namespace, unless a policy that comes before
# allows it, such as one of Kubernetes (order 1000): a policy without rules allows nothing. It
# is created last, and destroyed first.
resource "calico_network_policy" "default_deny" {
  name      = "default-deny"
  namespace = var.namespace
  order     = 2000
  types     = ["Ingress", "Egress"]

  depends_on = [calico_network_policy.dns]
}

# Who reaches whom after this plan. The objects are named in a local value, as Terraform
# waits for the apply before it reads a data source that refers to a resource with changes
# directly.
locals {
  planned = [
    calico_network_policy.web.object,
    calico_network_policy.db.object,
    calico_network_policy.dns.object,
    calico_network_policy.default_deny.object,
  ]
}

data "calico_connectivity" "this" {
  endpoint_kinds = ["workloads"]
  namespaces     = [var.namespace]
  changes        = local.planned

  flow {
    name   = "visitors"
    port   = 8080
    expect = "allow"

    from {
      namespaces = ["ingress-nginx"]
    }
    to {
      namespaces        = [var.namespace]
      endpoint_selector = "app == 'web'"
    }
  }
  flow {
    name   = "web to its database"
    port   = 5432
    expect = "allow"

    from {
      namespaces        = [var.namespace]
      endpoint_selector = "app == 'web'"
    }
    to {
      namespaces        = [var.namespace]
      endpoint_selector = "app == 'db'"
    }
  }
  dynamic "flow" {
    for_each = ["UDP", "TCP"]

    content {
      name     = "name servers"
      protocol = flow.value
      port     = 53
      expect   = "allow"

      from {
        namespaces = [var.namespace]
      }
      to {
        namespaces        = ["kube-system"]
        endpoint_selector = "k8s-app == 'kube-dns'"
      }
    }
  }
  flow {
    name   = "other pods to the database"
    port   = 5432
    expect = "deny"

    from {
      endpoint_selector = "!(${var.database_clients})"
    }
    to {
      namespaces        = [var.namespace]
      endpoint_selector = "app == 'db'"
    }
  }
  # The other end is a network: this is about the pods that endpoint_kinds and namespaces choose.
  flow {
    name      = "to 203.0.113.0/24"
    direction = "egress"
    port      = 443
    cidr      = "203.0.113.0/24"
    expect    = "deny"
  }
}

# Nothing is written if something else would become of the traffic.
resource "terraform_data" "reviewed" {
  lifecycle {
    postcondition {
      condition     = length(data.calico_connectivity.this.unexpected) == 0
      error_message = data.calico_connectivity.this.report
    }
  }
}

# For the comment on the pull request.
output "report" {
  value = data.calico_connectivity.this.report
}
