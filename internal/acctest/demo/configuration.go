package main

// configuration is what a datacenter begins with. Its verbs are the provider's
// address, and the blocks that the datastore gives.
const configuration = `terraform {
  required_providers {
    calico = {
      source = "%s"
    }
  }
}

provider "calico" {
%s
  # SSH from the management network must go on working.
  lockout_guard {
    mode = "error"
  }
}

resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]

%s}

resource "calico_host_endpoint" "db1" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  expected_ips   = ["10.3.0.21"]

  labels = {
    role = "database"
  }

  # The endpoint is what makes Calico enforce anything on the host: the policy
  # that keeps the way in open is created first, and destroyed last.
  depends_on = [calico_failsafe_policy.this]
}
`

// mistakeFile is a policy that is meant for a few hosts, and comes before the failsafe
// policy for all of them.
const (
	mistakeFile          = "quarantine.tf"
	mistakeConfiguration = `resource "calico_global_network_policy" "quarantine" {
  name     = "quarantine"
  order    = -1
  selector = "has(role)"

  ingress {
    action = "Deny"
  }
}
`
)

// connectivityFile is a change for review, with the questions of its reviewer.
const (
	connectivityFile          = "database.tf"
	connectivityConfiguration = `resource "calico_global_network_policy" "database" {
  name     = "database"
  order    = 100
  selector = "role == 'database'"

  ingress {
    action   = "Allow"
    protocol = "TCP"

    source {
      nets = ["10.4.0.0/16"]
    }
    destination {
      ports = [5432]
    }
  }
}

locals {
  planned = [
    calico_failsafe_policy.this.object,
    calico_host_endpoint.db1.object,
    calico_felix_configuration.default.object,
    calico_global_network_policy.database.object,
  ]
}

data "calico_connectivity" "plan" {
  flow {
    name   = "SSH"
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
    name   = "database"
    port   = 5432
    cidr   = "10.4.0.0/16"
    expect = "allow"
  }
  flow {
    name   = "database from elsewhere"
    port   = 5432
    cidr   = "203.0.113.0/24"
    expect = "deny"
  }

  changes = local.planned
}

output "connectivity" {
  value = data.calico_connectivity.plan.changes_report
}
`
)

// felixSpec is the configuration of Felix as calico-node leaves it, and somebody's
// own setting in it.
const felixSpec = `{"bpfLogLevel":"","floatingIPs":"Disabled","healthPort":9199,"logSeverityScreen":"Info","reportingInterval":"0s"}`

// failsafeFile is the last step of the guide.
const (
	failsafeFile          = "failsafe_ports.tf"
	failsafeConfiguration = `resource "calico_felix_configuration" "default" {
  name                         = "default"
  failsafe_inbound_host_ports  = []
  failsafe_outbound_host_ports = []

  # Created last, and destroyed first.
  depends_on = [calico_failsafe_policy.this, calico_host_endpoint.db1]
}
`
)
