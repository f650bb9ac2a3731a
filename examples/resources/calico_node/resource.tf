resource "calico_node" "db1" {
  name   = "db1"
  labels = { rack = "r1", role = "db" }

  bgp {
    as_number    = "64512"
    ipv4_address = "10.0.1.11/24"
  }

  # calico-node writes these when it starts: what it found out is not Terraform's.
  lifecycle {
    ignore_changes = [address, interface, ipv4_vxlan_tunnel_addr, vxlan_tunnel_mac_addr]
  }
}
