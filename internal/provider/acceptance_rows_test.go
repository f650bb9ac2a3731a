package provider_test

// acceptanceRows has a row for each resource of the provider.
var acceptanceRows = []acceptance{
	failsafePolicyAcceptance,
	hostEndpointAcceptance,
	networkSetAcceptance,
	tierAcceptance,
}

// acceptanceRowsToCome are resources without a row yet.
var acceptanceRowsToCome = []string{
	"calico_bgp_configuration",
	"calico_bgp_filter",
	"calico_bgp_peer",
	"calico_felix_configuration",
	"calico_global_network_policy",
	"calico_global_network_set",
	"calico_ip_pool",
	"calico_ip_reservation",
	"calico_kube_controllers_configuration",
	"calico_network_policy",
	"calico_node",
	"calico_profile",
	"calico_staged_global_network_policy",
	"calico_staged_network_policy",
}
