resource "calico_bgp_filter" "no_default_route" {
  name = "no-default-route"

  import_v4 {
    action         = "Reject"
    match_operator = "Equal"
    cidr           = "0.0.0.0/0"
  }
}

# The hosts of rack 1 peer with the router at the top of it.
resource "calico_bgp_peer" "rack1_tor" {
  name          = "rack1-tor"
  node_selector = "rack == 'r1'"
  peer_ip       = "10.0.1.1"
  as_number     = "64601"
  ttl_security  = 1

  # By reference, so that the filter is made first.
  filters = [calico_bgp_filter.no_default_route.name]

  # The password itself stays in the Kubernetes secret.
  password {
    secret_key_ref {
      name = "bgp-secrets"
      key  = "rack1"
    }
  }
}
