# Rules refer to these networks by the label: network-set == 'clients'.
resource "calico_global_network_set" "clients" {
  name   = "clients"
  nets   = ["10.0.0.0/16", "192.0.2.7", "2001:db8:64::/48"]
  labels = { network-set = "clients" }
}
