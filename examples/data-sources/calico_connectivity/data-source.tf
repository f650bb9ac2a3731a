# The resources of this configuration that decide about traffic. They are named in a
# local value, as Terraform waits for the apply before it reads a data source that
# refers to a resource with changes directly.
locals {
  planned = [
    calico_failsafe_policy.this.object,
    calico_host_endpoint.db1.object,
    calico_felix_configuration.default.object,
  ]
}

# What this plan does to traffic, before anything is written.
data "calico_connectivity" "plan" {
  flow {
    name   = "SSH from the management network"
    port   = 22
    cidr   = "10.1.0.0/24"
    expect = "allow"
  }
  flow {
    name   = "SSH from elsewhere"
    port   = 22
    cidr   = "203.0.113.0/24"
    expect = "deny"
  }
  flow {
    name      = "etcd"
    direction = "egress"
    port      = 2379
    cidr      = "10.2.0.11"
    expect    = "allow"
  }
  flow {
    name      = "ping"
    protocol  = "ICMP"
    icmp_type = 8
    cidr      = "10.1.0.0/24"
  }

  changes = local.planned
}

# For the comment on the pull request: who reaches what after the apply. (What changes
# with it is in changes_report. As an output that would change once more after the
# apply, when nothing is left to change; a pipeline reads it from the plan, where
# terraform show -json has it in prior_state.)
output "connectivity" {
  value = data.calico_connectivity.plan.report
}

resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]

  etcd_server {
    address = "10.2.0.11"
  }
}

resource "calico_host_endpoint" "db1" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  labels         = { role = "db" }
  depends_on     = [calico_failsafe_policy.this]
}

# From here on only the policy lets anybody in.
resource "calico_felix_configuration" "default" {
  name                        = "default"
  failsafe_inbound_host_ports = []
  depends_on                  = [calico_host_endpoint.db1]
}
