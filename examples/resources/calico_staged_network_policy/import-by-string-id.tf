import {
  to = calico_staged_network_policy.allow_db
  id = "production/allow-db"
}
