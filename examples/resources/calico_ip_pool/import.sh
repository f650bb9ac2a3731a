terraform import calico_ip_pool.rack1 rack1
