terraform {
  required_providers {
    calico = {
      source = "calico-terraform/calico"
    }
  }
}

# One datastore, one provider: the two need not run the same release of Calico.

provider "calico" {
  alias          = "east"
  calico_version = "3.28"

  etcd {
    endpoints = var.east_etcd_endpoints
  }
}

provider "calico" {
  alias          = "west"
  calico_version = "3.32"

  etcd {
    endpoints = var.west_etcd_endpoints
  }
}

module "east" {
  source    = "./datacenter"
  providers = { calico = calico.east }

  management_cidrs = ["10.1.0.0/24"]
  etcd_servers     = [{ address = "10.2.0.11" }, { address = "10.2.0.12" }]
  dns_servers      = ["10.1.0.53"]

  network_sets = { clients = ["10.0.0.0/16"] }
  open_ports   = { db = [5432], web = [80, 443] }

  hosts = {
    db1  = { interface = "eth0", addresses = ["10.0.0.5"], labels = { role = "db" } }
    web1 = { interface = "eth0", addresses = ["10.0.0.6"], labels = { role = "web" } }
  }
}

module "west" {
  source    = "./datacenter"
  providers = { calico = calico.west }

  management_cidrs = ["10.65.0.0/24", "2001:db8:65::/64", "2001:db8:60::7"]
  etcd_servers     = [{ address = "2001:db8:66::11", ports = [2379, 2380] }]
  dns_servers      = ["10.65.0.53", "2001:db8:65::53"]
  bgp_peers        = ["10.67.0.0/24"]

  network_sets           = { clients = ["10.64.0.0/16", "2001:db8:64::/48"] }
  open_ports             = { db = [5432] }
  security_tier          = true
  builtin_failsafe_ports = false

  hosts = {
    db2 = { labels = { role = "db" } }
  }
}
