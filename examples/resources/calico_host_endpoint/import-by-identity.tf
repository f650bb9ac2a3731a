import {
  to = calico_host_endpoint.db1_eth0
  identity = {
    name = "db1-eth0"
  }
}
