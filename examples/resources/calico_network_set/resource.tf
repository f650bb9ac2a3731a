# The policies of this namespace refer to these networks by the label:
# network-set == 'partners'.
resource "calico_network_set" "partners" {
  name      = "partners"
  namespace = "production"
  nets      = ["203.0.113.0/24", "198.51.100.7"]
  labels    = { network-set = "partners" }
}
