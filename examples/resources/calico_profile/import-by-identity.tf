import {
  to = calico_profile.hosts
  identity = {
    name = "hosts"
  }
}
