import {
  to = calico_host_endpoint.db1_eth0
  id = "db1-eth0"
}
