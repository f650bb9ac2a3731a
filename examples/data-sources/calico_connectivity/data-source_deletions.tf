# What a plan deletes is no longer in the configuration. If all objects of a kind are,
# complete_kinds tells it: what is stored of that kind and is not among the changes counts
# as deleted.
data "calico_connectivity" "without_the_rest" {
  flow {
    port   = 22
    cidr   = "10.1.0.0/24"
    expect = "allow"
  }

  changes        = local.planned
  complete_kinds = ["GlobalNetworkPolicy", "HostEndpoint"]
}

check "ssh_needs_nothing_else" {
  assert {
    condition     = length(data.calico_connectivity.without_the_rest.unexpected) == 0
    error_message = data.calico_connectivity.without_the_rest.changes_report
  }
}
