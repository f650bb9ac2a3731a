import {
  to = calico_global_network_policy.allow_web
  identity = {
    name = "allow-web"
  }
}
