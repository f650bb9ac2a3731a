import {
  to = calico_bgp_filter.to_backbone
  identity = {
    name = "to-backbone"
  }
}
