package storage

import (
	"strings"
	"testing"
)

// What cannot be read is told in words of manifests, and without the value.
func TestMisfits(t *testing.T) {
	manifest := func(kind, spec string) string {
		return `{"kind":"` + kind + `","apiVersion":"projectcalico.org/v3","metadata":{"name":"a"},"spec":` + spec + `}`
	}
	for text, want := range map[string]string{
		`{`:          "it is not JSON",
		`web`:        "it is not JSON",
		`{"kind" 1}`: "it is not JSON (something is wrong at character 9)",
		`[]`:         "it is a list, where an object belongs",
		`{"kind":1}`: "kind is a number, where a text belongs",
		manifest("HostEndpoint", `{"nodes":"secret"}`):                                                                        "it is not a valid HostEndpoint: there is no field spec.nodes",
		manifest("HostEndpoint", `{"node":["secret"]}`):                                                                       "it is not a valid HostEndpoint: spec.node is a list, where a text belongs",
		manifest("HostEndpoint", `{"ports":[{"port":"secret"}]}`):                                                             "it is not a valid HostEndpoint: spec.ports[0].port is a text, where a number belongs",
		manifest("HostEndpoint", `{"ports":[{"port":70000}]}`):                                                                "it is not a valid HostEndpoint: spec.ports[0].port is not a number that Calico can hold there",
		manifest("GlobalNetworkPolicy", `{"doNotTrack":"secret"}`):                                                            "it is not a valid GlobalNetworkPolicy: spec.doNotTrack is a text, where true or false belongs",
		manifest("GlobalNetworkPolicy", `{"ingress":[{"action":"Allow"},{"action":"Allow","destination":{"ports":[true]}}]}`): "it is not a valid GlobalNetworkPolicy: spec.ingress[1].destination.ports[0] is no value that Calico can read there",
		manifest("GlobalNetworkPolicy", `{"ingress":[{"action":"Allow","metadata":{"annotations":{"a":1}}}]}`):                "it is not a valid GlobalNetworkPolicy: spec.ingress[0].metadata.annotations[a] is a number, where a text belongs",
		manifest("GlobalNetworkPolicy", `{"ingress":[{"action":"Allow","source":{"net":["10.0.0.0/8"]}}]}`):                   "it is not a valid GlobalNetworkPolicy: there is no field spec.ingress[0].source.net",
	} {
		_, err := ParseManifest(text)
		if err == nil || err.Error() != want || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}
