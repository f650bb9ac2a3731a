# Workloads on the hosts of rack 1 get addresses from here, 64 at a time for a
# host, and reach everything outside of the pools by the host's own address.
resource "calico_ip_pool" "rack1" {
  name          = "rack1"
  cidr          = "10.244.0.0/18"
  node_selector = "rack == 'r1'"
  vxlan_mode    = "CrossSubnet"
  nat_outgoing  = true
}

# Before a pool is destroyed it is disabled until no workload has an address from
# it any more.
resource "calico_ip_pool" "old" {
  name     = "old"
  cidr     = "192.168.0.0/20"
  disabled = true
}
