package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// An identity that is another object's is the framework's matter: it is told, and not given
// back.
func TestUnchangedIdentity(t *testing.T) {
	t.Parallel()
	c := newCore(t, newMemory(), "test")
	i := configured(t, "calico_network_set", `{"name":"office","namespace":"shop"}`)
	c.create(t, i)
	r := c.server.resource(i.typeName)
	for name, test := range map[string]struct {
		id    calico.ID
		reads int
		says  string
	}{
		"its own":                {calico.ID{Name: "office", Namespace: "shop"}, 0, ""},
		"of another name":        {calico.ID{Name: "home", Namespace: "shop"}, 1, "Unexpected Identity Change"},
		"of another namespace":   {calico.ID{Name: "office", Namespace: "garden"}, 1, "Unexpected Identity Change"},
		"none, though it is one": {calico.ID{}, 1, "Unexpected Identity Change"},
	} {
		identity, err := r.identityOf(test.id)
		if err != nil {
			t.Fatal(err)
		}
		c.reads = 0
		resp, err := c.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: i.typeName, CurrentState: i.state, Private: i.private, CurrentIdentity: identity})
		if err != nil || c.reads != test.reads || text(resp.Diagnostics) != test.says {
			t.Errorf("%s: %v, the framework was asked %d times, and it says %q; want %d and %q", name, err, c.reads, text(resp.Diagnostics), test.reads, test.says)
		}
	}
}

// A provider without short answers changes an object, and keeps the digest of the state that
// was; then somebody puts that state back. The state is read anew.
func TestUnchangedStateIsPutBack(t *testing.T) {
	t.Parallel()
	d := newMemory()
	c := newCore(t, d, "test")
	i := configured(t, "calico_host_endpoint", anEndpoint)
	c.create(t, i)
	was := i.state
	without := newCore(t, d, "test")
	i.config["node"] = "db2"
	config := dynamic(t, c.types[i.typeName], i.config)
	plan, err := without.Full.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: i.typeName, PriorState: i.state, ProposedNewState: c.proposed(t, i), Config: config, PriorPrivate: i.private})
	if err != nil || failed(plan.Diagnostics) {
		t.Fatal(err, text(plan.Diagnostics))
	}
	applied, err := without.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{TypeName: i.typeName, PriorState: i.state, PlannedState: plan.PlannedState, Config: config, PlannedPrivate: plan.PlannedPrivate})
	if err != nil || failed(applied.Diagnostics) {
		t.Fatal(err, text(applied.Diagnostics))
	}
	i.state, i.private = was, applied.Private
	c.refresh(t, i)
	state, err := i.state.Unmarshal(c.types[i.typeName])
	if err != nil {
		t.Fatal(err)
	}
	if fields, _ := plain(t, state).(map[string]any); fields["node"] != "db2" || c.reads != 1 {
		t.Errorf("the node is read as %v, and the framework was asked %d times; want db2, once", fields["node"], c.reads)
	}
}
