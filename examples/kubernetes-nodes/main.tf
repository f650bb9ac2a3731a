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
  description = "Addresses at which the nodes reach the API server, at port 6443: those of the control plane, or that of its load balancer."
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

variable "rollout" {
  description = "The nodes that are protected so far. Begin with one, and add the others when it does well; null stands for all of them."
  type        = set(string)
  default     = null
}

locals {
  protected = { for name, addresses in var.nodes : name => addresses if var.rollout == null ? true : contains(var.rollout, name) }
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
  for_each = local.protected

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

# Who reaches the nodes after this plan. The objects are named in a local value, as Terraform
# waits for the apply before it reads a data source that refers to a resource with changes
# directly.
locals {
  planned = concat(
    [calico_failsafe_policy.this.object, calico_global_network_policy.nodes.object],
    [for endpoint in calico_host_endpoint.node : endpoint.object],
  )
}

data "calico_connectivity" "nodes" {
  endpoint_selector = "has(kubernetes-node)"
  changes           = local.planned

  dynamic "flow" {
    for_each = var.management_cidrs

    content {
      name   = "SSH from the management network"
      port   = 22
      cidr   = flow.value
      expect = "allow"
    }
  }
  dynamic "flow" {
    for_each = var.cluster_cidrs

    content {
      name   = "kubelet from the cluster"
      port   = 10250
      cidr   = flow.value
      expect = "allow"
    }
  }
  dynamic "flow" {
    for_each = var.api_servers

    content {
      name      = "API server"
      direction = "egress"
      port      = 6443
      cidr      = flow.value
      expect    = "allow"
    }
  }
  flow {
    name   = "the kubelet from elsewhere"
    port   = 10250
    cidr   = "203.0.113.0/24"
    expect = "deny"
  }
}

# Nothing is written if something else would become of the traffic, or if a name in rollout
# is no node's.
resource "terraform_data" "reviewed" {
  lifecycle {
    precondition {
      condition     = var.rollout == null ? true : length(setsubtract(var.rollout, keys(var.nodes))) == 0
      error_message = "The variable rollout names nodes that are not in the variable nodes."
    }
    postcondition {
      condition     = length(data.calico_connectivity.nodes.unexpected) == 0
      error_message = data.calico_connectivity.nodes.report
    }
  }
}

# For the comment on the pull request.
output "report" {
  value = data.calico_connectivity.nodes.report
}
