import {
  to = calico_network_set.partners
  identity = {
    namespace = "production"
    name      = "partners"
  }
}
