variable "east_etcd_endpoints" {
  description = "URLs of the etcd servers of the eastern datacenter."
  type        = list(string)
}

variable "west_etcd_endpoints" {
  description = "URLs of the etcd servers of the western datacenter."
  type        = list(string)
}
