# terraform test: nothing is read or written, for there is no datastore.
provider "calico" {
  datastore_type = "none"
  calico_version = "3.31"
}

variables {
  clients = ["10.4.0.0/16"]
}

run "clients_reach_the_database" {
  command = plan

  module {
    source = "./tests/database"
  }

  variables {
    flow = { port = 5432, cidr = "10.4.1.0/24" }
  }

  assert {
    condition     = output.verdict == "allow"
    error_message = "Clients do not reach the database."
  }
}

run "nobody_else_does" {
  command = plan

  module {
    source = "./tests/database"
  }

  variables {
    flow = { port = 5432, cidr = "10.5.0.0/16" }
  }

  assert {
    condition     = output.verdict == "deny"
    error_message = "Others reach the database."
  }
}
