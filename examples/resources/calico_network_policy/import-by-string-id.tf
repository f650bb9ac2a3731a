import {
  to = calico_network_policy.allow_db
  id = "production/allow-db"
}
