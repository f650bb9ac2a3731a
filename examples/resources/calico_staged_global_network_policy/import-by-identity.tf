import {
  to = calico_staged_global_network_policy.allow_web
  identity = {
    name = "allow-web"
  }
}
