import {
  to = calico_failsafe_policy.this
  id = "failsafe"
}
