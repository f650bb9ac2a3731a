import {
  to = calico_bgp_peer.rack1_tor
  identity = {
    name = "rack1-tor"
  }
}
