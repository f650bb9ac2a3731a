package provider

// The kinds that configure Calico itself. Fields that v3.28 does not know are for
// the acceptance tests.
func configurationConformanceCases() []conformanceCase {
	return []conformanceCase{
		{
			name: "an IPv4 pool", address: "calico_ip_pool.this", kind: "ippool", plural: "ippools", object: "rack1",
			hcl: `
resource "calico_ip_pool" "this" {
  name          = "rack1"
  cidr          = "10.244.0.0/16"
  vxlan_mode    = "CrossSubnet"
  nat_outgoing  = true
  block_size    = 28
  node_selector = "rack == 'r1'"
  allowed_uses  = ["Workload"]
  labels        = { rack = "r1" }
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: rack1, labels: {rack: r1}}
spec: {cidr: 10.244.0.0/16, vxlanMode: CrossSubnet, natOutgoing: true, blockSize: 28, nodeSelector: rack == 'r1', allowedUses: [Workload]}
`,
			edit: `{"spec":{"natOutgoing":false,"disabled":true}}`, shows: []string{"~ nat_outgoing", "~ disabled"},
			update: [2]string{`"CrossSubnet"`, `"Always"`},
		},
		{
			name: "an IPv6 pool with all defaults", address: "calico_ip_pool.this", kind: "ippool", plural: "ippools", object: "v6",
			hcl: `
resource "calico_ip_pool" "this" {
  name = "v6"
  cidr = "FD00:10:244:0::/64"
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: v6}
spec: {cidr: "FD00:10:244:0::/64"}
`,
			edit: `{"spec":{"nodeSelector":"has(a)"}}`, shows: []string{"~ node_selector", `"has(a)" -> "all()"`},
			update: [2]string{`name = "v6"`, "name = \"v6\"\ndisabled = true"},
		},
		{
			name: "reserved addresses", address: "calico_ip_reservation.this", kind: "ipreservation", plural: "ipreservations", object: "routers",
			hcl: `
resource "calico_ip_reservation" "this" {
  name           = "routers"
  reserved_cidrs = ["10.244.0.0/28", "10.244.1.1", "2001:DB8::/64"]
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: IPReservation
metadata: {name: routers}
spec: {reservedCIDRs: [10.244.0.0/28, 10.244.1.1, "2001:DB8::/64"]}
`,
			edit: `{"spec":{"reservedCIDRs":["10.244.0.0/28"]}}`, shows: []string{"~ reserved_cidrs", "10.244.1.1"},
			update: [2]string{`"10.244.1.1"`, `"10.244.1.2"`},
		},
		{
			name: "how all hosts speak BGP", address: "calico_bgp_configuration.this", kind: "bgpconfiguration", plural: "bgpconfigurations", object: "default",
			hcl: `
resource "calico_bgp_configuration" "this" {
  name                       = "default"
  as_number                  = "1.10"
  node_to_node_mesh_enabled  = true
  node_mesh_max_restart_time = "90s"
  log_severity_screen        = "Warning"
  listen_port                = 1790
  bind_mode                  = "NodeIP"
  ignored_interfaces         = ["docker0", "virbr*"]
  node_mesh_password {
    secret_key_ref {
      name = "bgp-secrets"
      key  = "mesh"
    }
  }
  service_cluster_ip {
    cidr = "10.96.0.0/12"
  }
  service_external_ip {
    cidr = "198.51.100.0/24"
  }
  service_load_balancer_ip {
    cidr = "203.0.113.0/24"
  }
  community {
    name  = "backbone"
    value = "64512:120"
  }
  prefix_advertisement {
    cidr        = "10.244.0.0/16"
    communities = ["backbone", "64512:1:2"]
  }
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec:
  asNumber: "1.10"
  nodeToNodeMeshEnabled: true
  nodeMeshMaxRestartTime: 90s
  nodeMeshPassword: {secretKeyRef: {name: bgp-secrets, key: mesh}}
  logSeverityScreen: Warning
  listenPort: 1790
  bindMode: NodeIP
  ignoredInterfaces: [docker0, "virbr*"]
  serviceClusterIPs: [{cidr: 10.96.0.0/12}]
  serviceExternalIPs: [{cidr: 198.51.100.0/24}]
  serviceLoadBalancerIPs: [{cidr: 203.0.113.0/24}]
  communities: [{name: backbone, value: "64512:120"}]
  prefixAdvertisements: [{cidr: 10.244.0.0/16, communities: [backbone, "64512:1:2"]}]
`,
			edit: `{"spec":{"asNumber":65547,"nodeMeshMaxRestartTime":"3m"}}`, shows: []string{"~ as_number", `"65547" -> "1.10"`, "~ node_mesh_max_restart_time", `"3m0s" -> "90s"`},
			update: [2]string{"1790", "179"},
		},
		{
			name: "a BGP peer", address: "calico_bgp_peer.this", kind: "bgppeer", plural: "bgppeers", object: "rack1-tor",
			hcl: `
resource "calico_bgp_peer" "this" {
  name                         = "rack1-tor"
  node_selector                = "rack == 'r1'"
  peer_ip                      = "[2001:DB8::1]:1790"
  as_number                    = "64513"
  reachable_by                 = "2001:DB8::FE"
  source_address               = "None"
  max_restart_time             = "1m30s"
  num_allowed_local_as_numbers = 0
  ttl_security                 = 1
  keep_original_next_hop       = true
  password {
    secret_key_ref {
      name     = "bgp-secrets"
      key      = "rack1"
      optional = true
    }
  }
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: rack1-tor}
spec:
  nodeSelector: rack == 'r1'
  peerIP: "[2001:DB8::1]:1790"
  asNumber: 64513
  reachableBy: 2001:DB8::FE
  sourceAddress: None
  maxRestartTime: 90s
  numAllowedLocalASNumbers: 0
  ttlSecurity: 1
  keepOriginalNextHop: true
  password: {secretKeyRef: {name: bgp-secrets, key: rack1, optional: true}}
`,
			edit: `{"spec":{"asNumber":64514,"ttlSecurity":2}}`, shows: []string{"~ as_number", `"64514" -> "64513"`, "~ ttl_security"},
			update: [2]string{`"1m30s"`, `"2m"`},
		},
		{
			name: "a BGP filter", address: "calico_bgp_filter.this", kind: "bgpfilter", plural: "bgpfilters", object: "no-default-route",
			hcl: `
resource "calico_bgp_filter" "this" {
  name = "no-default-route"
  import_v4 {
    action         = "Reject"
    match_operator = "Equal"
    cidr           = "0.0.0.0/0"
  }
  import_v6 {
    action         = "Reject"
    match_operator = "Equal"
    cidr           = "::/0"
    interface      = "eth*"
  }
  export_v4 {
    action = "Accept"
    source = "RemotePeers"
  }
  export_v4 {
    action = "Reject"
  }
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: BGPFilter
metadata: {name: no-default-route}
spec:
  importV4: [{action: Reject, matchOperator: Equal, cidr: 0.0.0.0/0}]
  importV6: [{action: Reject, matchOperator: Equal, cidr: "::/0", interface: "eth*"}]
  exportV4: [{action: Accept, source: RemotePeers}, {action: Reject}]
`,
			edit: `{"spec":{"importV4":[{"action":"Accept"}]}}`, shows: []string{"~ import_v4", `"Accept" -> "Reject"`},
			update: [2]string{`"eth*"`, `"eth0"`},
		},
		{
			name: "a node", address: "calico_node.this", kind: "node", plural: "nodes", object: "db1",
			hcl: `
resource "calico_node" "this" {
  name = "db1"
  bgp {
    as_number                  = "64512"
    ipv4_address               = "10.0.0.5/24"
    ipv6_address               = "2001:db8::5/64"
    route_reflector_cluster_id = "244.0.0.1"
  }
  ipv4_vxlan_tunnel_addr = "10.244.1.2"
  vxlan_tunnel_mac_addr  = "66:5a:9e:01:02:03"
  orch_ref {
    orchestrator = "k8s"
    node_name    = "db1.example.net"
  }
  wireguard {
    interface_ipv4_address = "10.244.1.3"
  }
  address {
    address = "10.0.0.5/24"
    type    = "CalicoNodeIP"
  }
  address {
    address = "192.0.2.5"
  }
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: db1}
spec:
  bgp: {asNumber: 64512, ipv4Address: 10.0.0.5/24, ipv6Address: "2001:db8::5/64", routeReflectorClusterID: 244.0.0.1}
  ipv4VXLANTunnelAddr: 10.244.1.2
  vxlanTunnelMACAddr: "66:5a:9e:01:02:03"
  orchRefs: [{orchestrator: k8s, nodeName: db1.example.net}]
  wireguard: {interfaceIPv4Address: 10.244.1.3}
  addresses: [{address: 10.0.0.5/24, type: CalicoNodeIP}, {address: 192.0.2.5}]
`,
			edit: `{"spec":{"bgp":{"ipv4Address":"10.0.0.6/24"}}}`, shows: []string{"~ ipv4_address", `"10.0.0.6/24" -> "10.0.0.5/24"`},
			update: [2]string{`"64512"`, `"64513"`},
		},
		{
			name: "kube-controllers", address: "calico_kube_controllers_configuration.this", kind: "kubecontrollersconfiguration", plural: "kubecontrollersconfigurations", object: "default",
			hcl: `
resource "calico_kube_controllers_configuration" "this" {
  name                      = "default"
  log_severity_screen       = "Info"
  health_checks             = "Enabled"
  etcd_v3_compaction_period = "10m"
  controllers {
    node {
      sync_labels = "Enabled"
      host_endpoint {
        auto_create = "Disabled"
      }
    }
    policy {
      reconciler_period = "90s"
    }
    namespace {}
  }
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: KubeControllersConfiguration
metadata: {name: default}
spec:
  logSeverityScreen: Info
  healthChecks: Enabled
  etcdV3CompactionPeriod: 10m
  controllers:
    node: {syncLabels: Enabled, hostEndpoint: {autoCreate: Disabled}}
    policy: {reconcilerPeriod: 90s}
    namespace: {}
`,
			edit: `{"spec":{"prometheusMetricsPort":0,"controllers":{"node":{"leakGracePeriod":"0s"}}}}`, shows: []string{"~ prometheus_metrics_port", "0 -> 9094", "~ leak_grace_period", `"0s" -> "15m0s"`},
			update: [2]string{`"90s"`, `"2m"`},
		},
		{
			name: "Felix", address: "calico_felix_configuration.this", kind: "felixconfiguration", plural: "felixconfigurations", object: "default",
			hcl: `
resource "calico_felix_configuration" "this" {
  name                         = "default"
  failsafe_inbound_host_ports  = []
  failsafe_outbound_host_ports = [{ protocol = "tcp", port = 2379, net = "192.0.2.10/32" }]
  reporting_ttl                = "90s"
  ipip_mtu                     = 1480
  bpf_enabled                  = false
  iptables_backend             = "NFT"
  nat_port_range               = "20000:29999"
  health_timeout_override {
    name    = "InternalDataplaneMainLoop"
    timeout = "3m"
  }
  # pinned
}
`,
			manifest: `
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: {name: default}
spec:
  failsafeInboundHostPorts: []
  failsafeOutboundHostPorts: [{protocol: tcp, port: 2379, net: 192.0.2.10/32}]
  reportingTTL: 90s
  ipipMTU: 1480
  bpfEnabled: false
  iptablesBackend: NFT
  natPortRange: "20000:29999"
  healthTimeoutOverrides: [{name: InternalDataplaneMainLoop, timeout: 3m}]
`,
			edit: `{"spec":{"ipipMTU":1400}}`, shows: []string{"~ ipip_mtu", "1400 -> 1480"},
			update: [2]string{"1480", "1300"},
			pinned: []string{"bpfConnectTimeLoadBalancing", "bpfHostNetworkedNATWithoutCTLB", "floatingIPs"},
			pinnedHCL: `
  bpf_connect_time_load_balancing     = "TCP"
  bpf_host_networked_nat_without_ctlb = "Enabled"
  floating_ips                        = "Disabled"
`,
		},
	}
}
