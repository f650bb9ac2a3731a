import {
  to = calico_ip_pool.rack1
  identity = {
    name = "rack1"
  }
}
