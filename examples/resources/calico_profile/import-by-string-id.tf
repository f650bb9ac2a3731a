import {
  to = calico_profile.hosts
  id = "hosts"
}
