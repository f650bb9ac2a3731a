package acceptance

// rows has a row for each resource of the provider.
var rows = []row{
	bgpConfigurationRow,
	bgpFilterRow,
	bgpPeerRow,
	failsafePolicyRow,
	felixConfigurationRow,
	globalNetworkPolicyRow,
	globalNetworkSetRow,
	hostEndpointRow,
	ipPoolRow,
	ipReservationRow,
	kubeControllersConfigurationRow,
	networkPolicyRow,
	networkSetRow,
	nodeRow,
	profileRow,
	stagedGlobalNetworkPolicyRow,
	stagedNetworkPolicyRow,
	tierRow,
}
