resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]

  etcd_server {
    address = "10.2.0.11"
  }
}

# The whole policy, for whoever reviews the plan.
output "failsafe_policy" {
  value = provider::calico::manifest(calico_failsafe_policy.this.object)
}
