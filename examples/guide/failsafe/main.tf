resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]

  etcd_server {
    address = "10.2.0.11"
  }
  etcd_server {
    address = "10.2.0.12"
    ports   = [2379, 2380]
  }
}
