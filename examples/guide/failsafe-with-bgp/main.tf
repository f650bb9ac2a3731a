resource "calico_failsafe_policy" "this" {
  selector         = "endpoint_type == \"management\""
  management_cidrs = ["10.1.0.0/24", "2001:db8:1::/64"]
  bgp_peers        = ["10.3.0.0/24"]

  etcd_server {
    address = "2001:db8:2::11"
  }

  labels = {
    owner = "network"
  }
}
