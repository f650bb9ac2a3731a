import {
  to = calico_network_set.partners
  id = "production/partners"
}
