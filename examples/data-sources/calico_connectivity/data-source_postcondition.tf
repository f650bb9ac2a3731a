# A postcondition stops the plan, so that nothing is written. It belongs to a resource
# of its own: that of a data source with planned changes is looked at after the apply.
resource "terraform_data" "traffic_as_expected" {
  lifecycle {
    postcondition {
      condition     = length(data.calico_connectivity.plan.results) > 0 && length(data.calico_connectivity.plan.unexpected) == 0
      error_message = data.calico_connectivity.plan.report
    }
  }
}
