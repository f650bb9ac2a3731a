terraform import calico_host_endpoint.db1_eth0 db1-eth0
