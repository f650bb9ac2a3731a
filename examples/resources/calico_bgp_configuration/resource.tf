# Hosts peer with the routers of their racks (calico_bgp_peer), and not all with
# each other. Without such a peer this cuts them off from each other: so the peers
# are created first, and destroyed last.
resource "calico_bgp_configuration" "default" {
  name                      = "default"
  as_number                 = "64512"
  node_to_node_mesh_enabled = false

  # Routes to workloads carry a community by which the backbone knows them.
  community {
    name  = "workloads"
    value = "64512:120"
  }
  prefix_advertisement {
    cidr        = "10.244.0.0/18"
    communities = ["workloads"]
  }

  depends_on = [calico_bgp_peer.rack1_tor]
}

resource "calico_bgp_peer" "rack1_tor" {
  name          = "rack1-tor"
  node_selector = "rack == 'r1'"
  peer_ip       = "10.0.1.1"
  as_number     = "64601"
}
