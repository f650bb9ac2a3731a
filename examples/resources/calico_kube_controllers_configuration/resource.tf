resource "calico_kube_controllers_configuration" "default" {
  name                = "default"
  log_severity_screen = "Info"

  # A controller runs if its block is here.
  controllers {
    node {
      sync_labels       = "Enabled"
      leak_grace_period = "30m"

      # A host endpoint for each node, which allows everything until a policy
      # selects it.
      host_endpoint {
        auto_create = "Enabled"
      }
    }
    namespace {}
    policy {}
    service_account {}
  }
}
