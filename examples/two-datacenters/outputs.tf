output "failsafe_policies" {
  description = "The failsafe policy of each datacenter as YAML, for whoever reviews the plan."
  value = {
    east = module.east.failsafe_policy
    west = module.west.failsafe_policy
  }
}
