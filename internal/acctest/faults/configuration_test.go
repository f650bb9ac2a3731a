//go:build faults && linux

package faults

import (
	"fmt"
	"strings"
)

// A configuration of many kinds, of which some need others.
//
// Variables: generation changes all objects but the FelixConfigurations (what such an
// object was before is lost with private state, and Terraform drops that if the provider
// is killed in an update; see the guide). repair is adopt_identical. others adds the
// objects that somebody else has stored in another form.
const configuration = `
terraform {
  required_providers {
    calico = {
      source = "calico-terraform/calico"
    }
  }
}

variable "generation" {
  default = 1
}

variable "repair" {
  default = false
}

variable "others" {
  default = true
}

provider "calico" {
  adopt_identical = var.repair

  %[1]s
  lockout_guard {
    mode = "off"
  }
  exposure_guard {
    mode = "off"
  }
}

locals {
  labels = { generation = "g${var.generation}" }
}

resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.${var.generation}.0.0/24"]
}

resource "calico_tier" "all" {
  count = 4
  name  = "tier${count.index}"
  order = 100 * count.index + var.generation
}

resource "calico_global_network_policy" "all" {
  count    = 25
  name     = "${calico_tier.all[count.index %% 4].name}.policy${count.index}"
  tier     = calico_tier.all[count.index %% 4].name
  order    = count.index
  selector = "role == 'r${count.index}'"
  labels   = local.labels

  ingress {
    action   = "Allow"
    protocol = "TCP"

    source {
      nets = ["10.4.${count.index}.0/24"]
    }
    destination {
      ports = [443, "8000:8080"]
    }
  }
}

resource "calico_network_policy" "all" {
  count       = 10
  name        = "policy${count.index}"
  namespace   = "shop"
  selector    = "all()"
  annotations = local.labels
}

resource "calico_host_endpoint" "all" {
  count          = 35
  name           = "host${count.index}"
  node           = "host${count.index}"
  interface_name = "eth0"
  expected_ips   = ["10.0.0.${count.index + 1}"]
  labels         = local.labels
  depends_on     = [calico_failsafe_policy.this]
}

resource "calico_global_network_set" "all" {
  count  = 10
  name   = "set${count.index}"
  nets   = ["10.9.${count.index}.0/24", "2001:db8:${count.index}::/48"]
  labels = local.labels
}

resource "calico_network_set" "all" {
  count     = 5
  name      = "set${count.index}"
  namespace = "shop"
  nets      = ["10.9.${count.index}.${var.generation}"]
}

resource "%[2]s" "more" {
  count = 3
  name  = "more${count.index}"
  %[3]s = local.labels
}

resource "calico_ip_pool" "all" {
  count       = 2
  name        = "pool${count.index}"
  cidr        = "10.${200 + count.index}.0.0/16"
  annotations = local.labels
}

resource "calico_bgp_peer" "all" {
  count       = 2
  name        = "peer${count.index}"
  peer_ip     = "10.3.0.${count.index + 1}"
  as_number   = 64512 + count.index
  annotations = local.labels
}

resource "calico_felix_configuration" "all" {
  count            = 3
  name             = "node.host${count.index}"
  interface_prefix = "cali"
}

resource "calico_host_endpoint" "others" {
  count          = var.others ? 1 : 0
  name           = "others"
  node           = "others"
  interface_name = "eth0"
}

resource "calico_global_network_set" "others" {
  count = var.others ? 2 : 0
  name  = "others${count.index}"
  nets  = ["10.8.0.0/16"]
}

resource "calico_global_network_policy" "others" {
  count    = var.others ? 2 : 0
  name     = "others${count.index}"
  order    = 10
  selector = "all()"
}
`

// objects is how many the configuration has, without those of others.
const objects = 100

// othersObjects are what somebody else has stored, by their keys: each differs in
// something from what the configuration would write.
func othersObjects() map[string]string {
	metadata := func(name, more string) string {
		return fmt.Sprintf(`"apiVersion":"projectcalico.org/v3","metadata":{"name":%q,"uid":"5e3b1d4e-3c2c-4a9c-9d0a-5f6c0f8e7a11","creationTimestamp":"2024-05-06T07:08:09Z"%s}`, name, more)
	}
	const policySpec = `"spec":{"order":10,"selector":"all()","types":["Ingress"]`
	return map[string]string{
		// A label.
		"hostendpoints/others": `{"kind":"HostEndpoint",` + metadata("others", `,"labels":{"theirs":"1"}`) + `,"spec":{"node":"others","interfaceName":"eth0"}}`,
		// An annotation.
		"globalnetworksets/others0": `{"kind":"GlobalNetworkSet",` + metadata("others0", `,"annotations":{"theirs":"1"}`) + `,"spec":{"nets":["10.8.0.0/16"]}}`,
		// One network more.
		"globalnetworksets/others1": `{"kind":"GlobalNetworkSet",` + metadata("others1", "") + `,"spec":{"nets":["10.8.0.0/16","10.9.0.0/16"]}}`,
		// Another order.
		"globalnetworkpolicies/default.others0": `{"kind":"GlobalNetworkPolicy",` + metadata("default.others0", "") + `,` + strings.Replace(policySpec, "10", "11", 1) + `}}`,
		// A field that this provider does not know.
		"globalnetworkpolicies/default.others1": `{"kind":"GlobalNetworkPolicy",` + metadata("default.others1", "") + `,` + policySpec + `,"futureField":{"x":1}}}`,
	}
}

// configurationFor is the configuration for the datastore of a block, with some objects of
// one more type.
func configurationFor(block, more string) string {
	labels := "labels"
	if more == "calico_profile" {
		labels = "labels_to_apply"
	}
	return fmt.Sprintf(configuration, block, more, labels)
}
