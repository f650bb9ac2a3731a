//go:build dataplane && linux

package dataplane

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// objectsByName are specs by "KIND name", in JSON: they are stored without a
// provider, which would take longer. Labels and annotations stand in the spec.
type objectsByName map[string]string

// storedKinds are the kinds that such objects may be of, and what their keys say.
var storedKinds = map[string]string{
	"HostEndpoint": "hostendpoints/", "FelixConfiguration": "felixconfigurations/", "GlobalNetworkPolicy": "globalnetworkpolicies/default.",
}

// storeAll stores objects, each in place of that of its name, and returns when Felix has seen them. restarts is set if Felix has to start anew for that.
func (b *bench) storeAll(t *testing.T, restarts bool, objects objectsByName) {
	t.Helper()
	if b.felix.generation == 0 {
		// Felix is to know its first configuration before it gets another.
		b.felix.settle(t, 0)
	}
	starts := 0
	if restarts {
		starts = b.felix.started()
	}
	for id, text := range objects {
		b.put(t, id, text)
	}
	b.felix.settle(t, starts)
}

// put stores an object.
func (b *bench) put(t *testing.T, id, text string) {
	t.Helper()
	kind, name, _ := strings.Cut(id, " ")
	var spec map[string]any
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	key := storedKinds[kind] + name
	metadata := map[string]any{
		"name": key[strings.Index(key, "/")+1:], "creationTimestamp": "2025-01-01T00:00:00Z", "uid": "6e2b1f0e-3a53-4f0c-9a60-0c8c4c7c7d03",
	}
	for _, field := range []string{"labels", "annotations"} {
		if value, ok := spec[field]; ok {
			metadata[field] = value
			delete(spec, field)
		}
	}
	content, err := json.Marshal(map[string]any{"kind": kind, "apiVersion": "projectcalico.org/v3", "metadata": metadata, "spec": spec})
	if err != nil {
		t.Fatal(err)
	}
	b.etcd.Put(t, acctest.ResourcePrefix+key, string(content))
}
