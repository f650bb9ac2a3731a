import {
  to = calico_ip_pool.rack1
  id = "rack1"
}
