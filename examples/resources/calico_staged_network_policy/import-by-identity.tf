import {
  to = calico_staged_network_policy.allow_db
  identity = {
    namespace = "production"
    name      = "allow-db"
  }
}
