# Addresses of the pool 10.244.0.0/18 that routers have: Calico gives them to no
# workload.
resource "calico_ip_reservation" "routers" {
  name           = "routers"
  reserved_cidrs = ["10.244.0.0/28", "10.244.63.254"]
}
