resource "calico_host_endpoint" "this" {
  name         = "web1-public"
  node         = "web1"
  expected_ips = ["192.0.2.7", "2001:db8::7"]

  annotations = {
    owner = "web-team"
  }
}
