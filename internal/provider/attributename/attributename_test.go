package attributename

import "testing"

func TestOf(t *testing.T) {
	for name, want := range map[string]string{
		"node": "node", "interfaceName": "interface_name", "expectedIPs": "expected_ips", "notICMP": "not_icmp",
		"preDNAT": "pre_dnat", "ipVersion": "ip_version", "notNets": "not_nets", "serviceAccountSelector": "service_account_selector",
		"asNumber": "as_number", "peerIP": "peer_ip", "bpfHostNetworkedNATWithoutCTLB": "bpf_host_networked_nat_without_ctlb",
		"deviceRouteSourceAddressIPv6": "device_route_source_address_ipv6", "interfaceIPv4Address": "interface_ipv4_address",
		"ipv4VXLANTunnelAddr": "ipv4_vxlan_tunnel_addr", "ipv4IPIPTunnelAddr": "ipv4_ipip_tunnel_addr", "ipv6Support": "ipv6_support",
		"vxlanMTUV6": "vxlan_mtu_v6", "wireguardMTUV6": "wireguard_mtu_v6", "vxlanTunnelMACAddrV6": "vxlan_tunnel_mac_addr_v6",
		"exportV4": "export_v4", "etcdV3CompactionPeriod": "etcd_v3_compaction_period", "bpfL3IfacePattern": "bpf_l3_iface_pattern",
		"localWorkloadPeeringIPV4": "local_workload_peering_ipv4", "prometheusWireGuardMetricsEnabled": "prometheus_wireguard_metrics_enabled",
		"numAllowedLocalASNumbers": "num_allowed_local_as_numbers", "bpfDSROptoutCIDRs": "bpf_dsr_optout_cidrs", "bpfMapSizeIPSets": "bpf_map_size_ip_sets",
		"goMemoryLimitMB": "go_memory_limit_mb", "floatingIPs": "floating_ips", "vxlanVNI": "vxlan_vni",
	} {
		if got := Of(name); got != want {
			t.Errorf("Of(%q) = %q, want %q", name, got, want)
		}
	}
}
