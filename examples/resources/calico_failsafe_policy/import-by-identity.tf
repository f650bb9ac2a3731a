import {
  to = calico_failsafe_policy.this
  identity = {
    name = "failsafe"
  }
}
