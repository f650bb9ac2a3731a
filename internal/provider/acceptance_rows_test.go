package provider_test

// acceptanceRows has a row for each resource of the provider.
var acceptanceRows = []acceptance{
	bgpConfigurationAcceptance,
	bgpFilterAcceptance,
	bgpPeerAcceptance,
	failsafePolicyAcceptance,
	felixConfigurationAcceptance,
	hostEndpointAcceptance,
	ipPoolAcceptance,
	ipReservationAcceptance,
	kubeControllersConfigurationAcceptance,
	networkSetAcceptance,
	nodeAcceptance,
	tierAcceptance,
}

// acceptanceRowsToCome are resources without a row yet.
var acceptanceRowsToCome = []string{
	"calico_global_network_policy",
	"calico_global_network_set",
	"calico_network_policy",
	"calico_profile",
	"calico_staged_global_network_policy",
	"calico_staged_network_policy",
}
