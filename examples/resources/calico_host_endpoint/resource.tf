resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]
  etcd_servers     = [{ address = "10.2.0.11" }]
}

resource "calico_host_endpoint" "db1_eth0" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  expected_ips   = ["10.0.0.5", "2001:db8::5"]

  labels = {
    role        = "db"
    environment = "production"
  }

  ports = [
    { name = "postgres", port = 5432, protocol = "TCP" },
  ]

  # The policy that keeps the host reachable comes first, and goes last.
  depends_on = [calico_failsafe_policy.this]
}
