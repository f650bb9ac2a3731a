terraform import calico_network_policy.allow_db production/allow-db
