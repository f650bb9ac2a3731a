import {
  to = calico_global_network_set.clients
  id = "clients"
}
