variable "management_cidrs" {
  description = "Networks and addresses that may open SSH to the hosts."
  type        = set(string)
}

variable "etcd_servers" {
  description = "The etcd servers that every host must be able to reach."
  type = list(object({
    address = string
    ports   = optional(list(string), ["2379"])
  }))
}

variable "dns_servers" {
  description = "Addresses of the DNS servers that every host may ask."
  type        = list(string)
  default     = []
}

variable "bgp_peers" {
  description = "Networks and addresses of BGP peers; null for none."
  type        = set(string)
  default     = null
}

variable "hosts" {
  description = "The hosts to protect, by the names of their nodes. Without an interface, all interfaces of the host are protected."
  type = map(object({
    interface = optional(string, "*")
    addresses = optional(set(string), [])
    labels    = optional(map(string), {})
  }))
  default = {}
}

variable "network_sets" {
  description = "Networks and addresses that policies refer to by the label network-set, by the names of the sets. The set clients may use open_ports."
  type        = map(set(string))
  default     = {}
}

variable "open_ports" {
  description = "TCP ports that the clients may connect to, by the label role of the hosts."
  type        = map(list(number))
  default     = {}
}

variable "security_tier" {
  description = "Whether there is a tier for what no other policy may overrule. Calico has tiers from v3.29 on."
  type        = bool
  default     = false
}

variable "builtin_failsafe_ports" {
  description = "Whether Calico's built-in failsafe ports stay open. Close them when the failsafe policy has proved itself."
  type        = bool
  default     = true
}
