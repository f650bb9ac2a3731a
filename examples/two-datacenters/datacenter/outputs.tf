output "failsafe_policy" {
  description = "The failsafe policy as YAML."
  value       = provider::calico::manifest(calico_failsafe_policy.this.object)
}
