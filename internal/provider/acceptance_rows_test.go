package provider_test

// acceptanceRows has a row for each resource of the provider.
var acceptanceRows = []acceptance{
	bgpConfigurationAcceptance,
	bgpFilterAcceptance,
	bgpPeerAcceptance,
	failsafePolicyAcceptance,
	felixConfigurationAcceptance,
	globalNetworkPolicyAcceptance,
	globalNetworkSetAcceptance,
	hostEndpointAcceptance,
	ipPoolAcceptance,
	ipReservationAcceptance,
	kubeControllersConfigurationAcceptance,
	networkPolicyAcceptance,
	networkSetAcceptance,
	nodeAcceptance,
	profileAcceptance,
	stagedGlobalNetworkPolicyAcceptance,
	stagedNetworkPolicyAcceptance,
	tierAcceptance,
}
