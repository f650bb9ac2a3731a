package provider_test

// acceptanceRows has a row for each resource of the provider.
var acceptanceRows = []acceptance{
	failsafePolicyAcceptance,
	hostEndpointAcceptance,
}
