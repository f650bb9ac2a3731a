import {
  to = calico_global_network_set.clients
  identity = {
    name = "clients"
  }
}
