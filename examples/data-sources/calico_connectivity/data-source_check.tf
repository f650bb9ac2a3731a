data "calico_connectivity" "database" {
  endpoint_selector = "role == 'db'"

  flow {
    port   = 5432
    cidr   = "0.0.0.0/0"
    expect = "deny"
  }
  flow {
    port   = 5432
    cidr   = "::/0"
    expect = "deny"
  }

  changes = local.planned
}

# A check block warns and stops nothing. (A data source inside of it would do, too,
# but then every plan announces to read it again.)
check "database_is_private" {
  assert {
    condition     = length(data.calico_connectivity.database.unexpected) == 0
    error_message = data.calico_connectivity.database.summary
  }
}
