# A check block warns, in the plan and after the apply, and stops nothing.
check "database_is_private" {
  data "calico_connectivity" "database" {
    endpoint_selector = "role == 'db'"

    flows = [
      { port = 5432, cidr = "0.0.0.0/0", expect = "deny" },
      { port = 5432, cidr = "::/0", expect = "deny" },
    ]

    changes = local.planned
  }

  assert {
    condition     = length(data.calico_connectivity.database.unexpected) == 0
    error_message = data.calico_connectivity.database.report
  }
}
