package storage_test

import (
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

func TestParseManifest(t *testing.T) {
	t.Parallel()
	const policy = `{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"web"},"spec":{"order":10,"ingress":[{"action":"Allow","protocol":"TCP","source":{"nets":["10.0.0.0/8"]},"destination":{"ports":[22,"80:81","http"]}}],"selector":"all()","types":["Ingress"]}}`
	obj, err := storage.ParseManifest(policy)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := storage.ManifestJSON(obj); err != nil || back != policy {
		t.Errorf("read and written again: %s, %v", back, err)
	}
	for _, c := range []struct{ old, new, says string }{
		{policy, `[]`, "it is a list, where an object belongs"},
		{policy, ``, "not JSON"},
		{policy, policy + "x", "something is behind the object"},
		{`"GlobalNetworkPolicy"`, `"GlobalNetworkPolic"`, `kind "GlobalNetworkPolic"`},
		{`"projectcalico.org/v3"`, `"v1"`, `apiVersion "v1"`},
		{`{"name":"web"}`, `{}`, "without metadata.name"},
		{`"ingress"`, `"ingres"`, "ingres"},
		{`"nets"`, `"net"`, "net"},
		{`"order":10`, `"order":"first"`, "spec.order is a text, where a number belongs"},
		{`"http"`, `"90:80"`, "spec.ingress[0].destination.ports[2] is no value"},
	} {
		text := strings.Replace(policy, c.old, c.new, 1)
		if _, err := storage.ParseManifest(text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, which does not say %q", text, err, c.says)
		}
	}
}
