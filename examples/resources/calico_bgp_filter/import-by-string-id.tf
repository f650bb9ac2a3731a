import {
  to = calico_bgp_filter.to_backbone
  id = "to-backbone"
}
