output "failsafe_policy" {
  description = "The failsafe policy as YAML."
  value       = calico_failsafe_policy.this.manifest
}
