# What hosts may do in a direction in which no policy selects them: everything
# outwards, and nothing inwards.
resource "calico_profile" "hosts" {
  name   = "hosts"
  egress = [{ action = "Allow" }]

  # Every endpoint with this profile bears the label, too.
  labels_to_apply = { kind = "host" }
}

resource "calico_host_endpoint" "db1_eth0" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  profiles       = [calico_profile.hosts.name]
}
