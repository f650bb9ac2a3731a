import {
  to = calico_kube_controllers_configuration.default
  identity = {
    name = "default"
  }
}
