resource "calico_host_endpoint" "this" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  expected_ips   = ["10.0.0.5"]
  profiles       = ["projectcalico-default-allow"]

  port {
    name     = "postgres"
    port     = 5432
    protocol = "TCP"
  }

  labels = {
    role        = "db"
    environment = "production"
  }
}
