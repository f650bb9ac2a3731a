package connectivity

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// Workloads are read once for both scenes, and only if a rule asks for them.
func TestWorkloadsAreReadIfAsked(t *testing.T) {
	t.Parallel()
	const (
		host     = `{"apiVersion":"projectcalico.org/v3","kind":"HostEndpoint","metadata":{"name":"a","labels":{"role":"db"}},"spec":{"node":"n","interfaceName":"eth0"}}`
		nets     = `{"apiVersion":"projectcalico.org/v3","kind":"GlobalNetworkPolicy","metadata":{"name":"p"},"spec":{"selector":"role == 'db'","ingress":[{"action":"Allow","source":{"nets":["10.0.0.0/8"]}}]}}`
		selector = `{"apiVersion":"projectcalico.org/v3","kind":"GlobalNetworkPolicy","metadata":{"name":"p"},"spec":{"selector":"role == 'db'","ingress":[{"action":"Allow","source":{"selector":"app == 'a'"}}]}}`
		service  = `{"apiVersion":"projectcalico.org/v3","kind":"GlobalNetworkPolicy","metadata":{"name":"p"},"spec":{"selector":"role == 'db'","egress":[{"action":"Allow","destination":{"services":{"name":"s","namespace":"n"}}}]}}`
	)
	for name, test := range map[string]struct {
		before, after string
		want          []verdict.Needs
	}{
		"nobody asks":            {nets, nets, nil},
		"what is stored asks":    {selector, nets, []verdict.Needs{{Workloads: true}}},
		"what is planned asks":   {nets, service, []verdict.Needs{{Services: true}}},
		"each asks for its part": {selector, service, []verdict.Needs{{Workloads: true, Services: true}}},
	} {
		var asked []verdict.Needs
		stored := Stored{Objects: BuiltIn(calico.Newest), Release: calico.Newest}
		stored.Workloads = func(_ context.Context, needs verdict.Needs, _ *diag.Diagnostics) Surroundings {
			asked = append(asked, needs)
			return Surroundings{}
		}
		planned := map[calico.ID]calico.Object{}
		add := func(into map[calico.ID]calico.Object, texts ...string) {
			for _, text := range texts {
				obj, err := readObject(text, calico.Newest)
				if err != nil {
					t.Fatal(err)
				}
				into[calico.IDOf(obj).Short()] = obj
			}
		}
		add(stored.Objects, host, test.before)
		add(planned, host, test.after)
		var diags diag.Diagnostics
		stored.scenes(t.Context(), planned, false, &diags)
		if len(asked) != len(test.want) || len(asked) > 0 && asked[0] != test.want[0] {
			t.Errorf("%s: asked for %+v, want %+v", name, asked, test.want)
		}
	}
}
