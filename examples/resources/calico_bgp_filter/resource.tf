# The first rule that matches a route decides.
resource "calico_bgp_filter" "to_backbone" {
  name = "to-backbone"

  # Of the workloads' routes whole blocks are told, and no single addresses.
  export_v4 {
    action         = "Accept"
    match_operator = "In"
    cidr           = "10.244.0.0/18"

    prefix_length {
      max = 26
    }
  }
  export_v4 {
    action = "Reject"
  }

  # The backbone may tell anything but a default route.
  import_v4 {
    action         = "Reject"
    match_operator = "Equal"
    cidr           = "0.0.0.0/0"
  }
}
