terraform {
  required_providers {
    calico = {
      source = "calico-terraform/calico"
    }
  }
}

variable "kubeconfig" {
  description = "Path of the kubeconfig of a user that has the roles in clusterrole.yaml."
  type        = string
}

variable "nodes" {
  description = "The nodes of the cluster: their names in Kubernetes, and their addresses."
  type        = map(list(string))
}

variable "api_servers" {
  description = "Addresses at which the nodes reach the API server: those of the control plane, or that of its load balancer."
  type        = list(string)
}

variable "management_cidrs" {
  description = "Networks that may open SSH to the nodes."
  type        = list(string)
}

variable "cluster_cidrs" {
  description = "Networks of the nodes and of the pods."
  type        = list(string)
}

provider "calico" {
  kubernetes {
    config_path = var.kubeconfig
  }

  # SSH to the nodes, and their way to the API server, must go on working.
  lockout_guard {
    mode = "error"
  }
}

resource "calico_failsafe_policy" "this" {
  management_cidrs = var.management_cidrs

  # The nodes, and not the pods on them.
  selector = "!has(projectcalico.org/namespace)"

  dynamic "api_server" {
    for_each = var.api_servers

    content {
      address = api_server.value
    }
  }
}

# What makes a cluster work: kubelet, the network of the pods and health checks come in
# from the cluster, and the nodes themselves may go everywhere, such as for images.
resource "calico_global_network_policy" "nodes" {
  name     = "nodes"
  order    = 100
  selector = "has(kubernetes-node)"
  types    = ["Ingress", "Egress"]

  ingress {
    action = "Allow"

    source {
      nets = var.cluster_cidrs
    }
  }

  egress {
    action = "Allow"
  }
}

resource "calico_host_endpoint" "node" {
  for_each = var.nodes

  name           = each.key
  node           = each.key
  interface_name = "*"
  expected_ips   = each.value

  labels = {
    kubernetes-node = ""
  }

  # What lets traffic in is created first, and destroyed last.
  depends_on = [calico_failsafe_policy.this, calico_global_network_policy.nodes]
}
