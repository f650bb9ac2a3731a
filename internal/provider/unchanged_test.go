package provider

import (
	"context"
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/calico-terraform/terraform-provider-calico/internal/acceptance/memory"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/lent"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/wire"
)

// core speaks to a provider as Terraform does, with a count of what the framework is asked.
type core struct {
	lent.Full
	server *server
	memory *memory.Datastore
	// These are those that the framework was asked for.
	upgrades, reads, validations, plans int
	types                               map[string]tftypes.Object
}

func (c *core) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	c.upgrades++
	return c.Full.UpgradeResourceState(ctx, req)
}

func (c *core) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	c.validations++
	return c.Full.ValidateResourceConfig(ctx, req)
}

func (c *core) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	c.reads++
	return c.Full.ReadResource(ctx, req)
}

func (c *core) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	c.plans++
	return c.Full.PlanResourceChange(ctx, req)
}

// newCore configures a provider of a version over a datastore in memory.
func newCore(t testing.TB, d *memory.Datastore, version string) *core {
	t.Helper()
	s, ok := Server(version, WithStore(memory.Type, d.Open))().(*server)
	if !ok {
		t.Fatal("the framework's server is served")
	}
	c := &core{Full: s.Full, server: s, memory: d, types: map[string]tftypes.Object{}}
	s.Server = lent.Server{Full: c}
	schemas, err := s.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for name, schema := range schemas.ResourceSchemas {
		c.types[name], _ = schema.ValueType().(tftypes.Object)
	}
	config, _ := schemas.Provider.ValueType().(tftypes.Object)
	resp, err := s.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: dynamic(t, config, nil)})
	if err != nil || len(resp.Diagnostics) > 0 {
		t.Fatal(err, resp)
	}
	return c
}

func newMemory() *memory.Datastore {
	d := memory.New()
	put := func(kind calico.Kind, name, text string) { d.Put(calico.ID{Kind: kind, Name: name}, text) }
	put(calico.KindClusterInformation, "default", `{"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"1","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"calicoVersion":"v3.31.0","datastoreReady":true}}`)
	put(calico.KindTier, "default", `{"kind":"Tier","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"2","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"order":1000000,"defaultAction":"Deny"}}`)
	return d
}

// value makes a value of a type out of what package json makes of JSON; what is left out is
// null.
func value(t testing.TB, typ tftypes.Type, of any) tftypes.Value {
	t.Helper()
	if of == nil {
		return tftypes.NewValue(typ, nil)
	}
	switch typ := typ.(type) {
	case tftypes.Object:
		given, _ := of.(map[string]any)
		fields := map[string]tftypes.Value{}
		for name, attribute := range typ.AttributeTypes {
			fields[name] = value(t, attribute, given[name])
		}
		return tftypes.NewValue(typ, fields)
	case tftypes.Map:
		given, _ := of.(map[string]any)
		elements := map[string]tftypes.Value{}
		for key, element := range given {
			elements[key] = value(t, typ.ElementType, element)
		}
		return tftypes.NewValue(typ, elements)
	case tftypes.List:
		given, _ := of.([]any)
		var elements []tftypes.Value
		for _, element := range given {
			elements = append(elements, value(t, typ.ElementType, element))
		}
		return tftypes.NewValue(typ, elements)
	default:
		return tftypes.NewValue(typ, of)
	}
}

func dynamic(t testing.TB, typ tftypes.Object, fields map[string]any) *tfprotov6.DynamicValue {
	t.Helper()
	if fields == nil {
		fields = map[string]any{}
	}
	d, err := tfprotov6.NewDynamicValue(typ, value(t, typ, fields))
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

// instance is a resource in a state.
type instance struct {
	typeName       string
	config         map[string]any
	state, planned *tfprotov6.DynamicValue
	private        []byte
}

func configured(t testing.TB, typeName, config string) *instance {
	t.Helper()
	i := &instance{typeName: typeName}
	if err := json.Unmarshal([]byte(config), &i.config); err != nil {
		t.Fatal(err)
	}
	return i
}

// create plans and applies an instance.
func (c *core) create(t testing.TB, i *instance) {
	t.Helper()
	typ := c.types[i.typeName]
	none, err := tfprotov6.NewDynamicValue(typ, tftypes.NewValue(typ, nil))
	if err != nil {
		t.Fatal(err)
	}
	config := dynamic(t, typ, i.config)
	c.validate(t, i)
	plan, err := c.server.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: i.typeName, PriorState: &none, ProposedNewState: config, Config: config})
	if err != nil || failed(plan.Diagnostics) {
		t.Fatal(err, text(plan.Diagnostics))
	}
	applied, err := c.server.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{TypeName: i.typeName, PriorState: &none, PlannedState: plan.PlannedState, Config: config, PlannedPrivate: plan.PlannedPrivate})
	if err != nil || failed(applied.Diagnostics) {
		t.Fatal(err, text(applied.Diagnostics))
	}
	i.state, i.private = applied.NewState, applied.Private
	c.reads, c.plans = 0, 0
}

// validate returns what is said about the configuration of an instance.
func (c *core) validate(t testing.TB, i *instance) string {
	t.Helper()
	resp, err := c.server.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: i.typeName, Config: dynamic(t, c.types[i.typeName], i.config)})
	if err != nil {
		t.Fatal(err)
	}
	return text(resp.Diagnostics)
}

// refresh reads an instance.
func (c *core) refresh(t testing.TB, i *instance) {
	t.Helper()
	resp, err := c.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: i.typeName, CurrentState: i.state, Private: i.private})
	if err != nil || failed(resp.Diagnostics) {
		t.Fatal(err, text(resp.Diagnostics))
	}
	i.state, i.private = resp.NewState, resp.Private
}

// plan plans an instance, with what the configuration does not say as the state has it.
func (c *core) plan(t testing.TB, i *instance) string {
	t.Helper()
	typ := c.types[i.typeName]
	proposed := c.proposed(t, i)
	resp, err := c.server.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: i.typeName, PriorState: i.state, ProposedNewState: proposed, Config: dynamic(t, typ, i.config), PriorPrivate: i.private})
	if err != nil {
		t.Fatal(err)
	}
	i.planned = resp.PlannedState
	return text(resp.Diagnostics)
}

func (c *core) proposed(t testing.TB, i *instance) *tfprotov6.DynamicValue {
	t.Helper()
	typ := c.types[i.typeName]
	state, err := i.state.Unmarshal(typ)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]tftypes.Value{}
	if err := state.As(&fields); err != nil {
		t.Fatal(err)
	}
	for name, given := range i.config {
		fields[name] = value(t, typ.AttributeTypes[name], given)
	}
	proposed, err := tfprotov6.NewDynamicValue(typ, tftypes.NewValue(typ, fields))
	if err != nil {
		t.Fatal(err)
	}
	return &proposed
}

func failed(diags []*tfprotov6.Diagnostic) bool {
	return slices.ContainsFunc(diags, func(d *tfprotov6.Diagnostic) bool { return d.Severity == tfprotov6.DiagnosticSeverityError })
}

func text(diags []*tfprotov6.Diagnostic) string {
	var all []string
	for _, d := range diags {
		all = append(all, d.Summary)
	}
	return strings.Join(all, ", ")
}

const (
	anEndpoint = `{"name":"db1-eth0","node":"db1","interface_name":"eth0","labels":{"role":"db"}}`
	aPolicy    = `{"name":"web","order":100,"selector":"role == 'web'","types":["Ingress"]}`
)

// What has not changed is not the framework's matter; anything else is.
func TestUnchangedNeedsNoFramework(t *testing.T) {
	t.Parallel()
	const endpoint, policy = "calico_host_endpoint", "calico_global_network_policy"
	for name, test := range map[string]struct {
		typeName, config string
		// between is what happens between the apply and the next plan, by another process.
		between func(t *testing.T, c *core, i *instance)
		// version is that of the other process; "test" is that of the first.
		version string
		// reads and plans are those of the framework.
		reads, plans int
	}{
		"an endpoint": {endpoint, anEndpoint, nil, "test", 0, 0},
		"a policy":    {policy, aPolicy, nil, "test", 0, 0},
		"somebody else's change": {endpoint, anEndpoint, func(_ *testing.T, c *core, _ *instance) {
			id := calico.ID{Kind: calico.KindHostEndpoint, Name: "db1-eth0"}
			stored, _ := c.memory.Get(id)
			c.memory.Put(id, strings.Replace(stored, `"interfaceName":"eth0"`, `"interfaceName":"eth1"`, 1))
		}, "test", 1, 1},
		"a change of the configuration": {endpoint, anEndpoint, func(_ *testing.T, _ *core, i *instance) {
			i.config["node"] = "db2"
		}, "test", 0, 1},
		"less configuration, which proposes the same": {policy, aPolicy, func(_ *testing.T, _ *core, i *instance) {
			delete(i.config, "types")
		}, "test", 0, 1},
		"another version of the provider": {endpoint, anEndpoint, nil, "test2", 1, 1},
		"another release of Calico": {policy, aPolicy, func(_ *testing.T, c *core, _ *instance) {
			id := calico.ID{Kind: calico.KindClusterInformation, Name: "default"}
			stored, _ := c.memory.Get(id)
			c.memory.Put(id, strings.Replace(stored, "v3.31.0", "v3.30.0", 1))
		}, "test", 0, 1},
		"another release of Calico, for which an endpoint is the same": {endpoint, anEndpoint, func(_ *testing.T, c *core, _ *instance) {
			id := calico.ID{Kind: calico.KindClusterInformation, Name: "default"}
			stored, _ := c.memory.Get(id)
			c.memory.Put(id, strings.Replace(stored, "v3.31.0", "v3.30.0", 1))
		}, "test", 0, 0},
		"a state that was edited": {endpoint, anEndpoint, func(t *testing.T, c *core, i *instance) {
			i.state = c.edited(t, i, "node", "db2")
		}, "test", 1, 1},
		"private state that was lost": {endpoint, anEndpoint, func(_ *testing.T, _ *core, i *instance) {
			i.private = nil
		}, "test", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newMemory()
			i := configured(t, test.typeName, test.config)
			newCore(t, d, "test").create(t, i)
			c := newCore(t, d, test.version)
			if test.between != nil {
				test.between(t, c, i)
			}
			c.refresh(t, i)
			c.plan(t, i)
			if c.reads != test.reads || c.plans != test.plans {
				t.Errorf("the framework was asked for %d reads and %d plans, want %d and %d", c.reads, c.plans, test.reads, test.plans)
			}
		})
	}
}

// Two resources for one object are told, though each has nothing to change.
func TestUnchangedTwice(t *testing.T) {
	t.Parallel()
	d := newMemory()
	i := configured(t, "calico_host_endpoint", anEndpoint)
	newCore(t, d, "test").create(t, i)
	c := newCore(t, d, "test")
	other := *i
	for _, one := range []*instance{i, &other} {
		c.refresh(t, one)
	}
	if says := c.plan(t, i); says != "" || c.plans != 0 {
		t.Errorf("the first plan says %q, and the framework was asked for %d", says, c.plans)
	}
	if says := c.plan(t, &other); says != "Two Resources for One Object" {
		t.Errorf("the second plan says %q", says)
	}
}

// What was not read in this run may have changed: a plan with -refresh=false is the
// framework's.
func TestUnchangedIsRead(t *testing.T) {
	t.Parallel()
	d := newMemory()
	i := configured(t, "calico_host_endpoint", anEndpoint)
	newCore(t, d, "test").create(t, i)
	c := newCore(t, d, "test")
	if says := c.plan(t, i); says != "" || c.plans != 1 {
		t.Errorf("the plan says %q, and the framework was asked for %d", says, c.plans)
	}
}

// The short answers can be switched off, and be compared with the framework's.
func TestFastPathsVariable(t *testing.T) {
	d := newMemory()
	t.Setenv(FastPaths, "off")
	if s, ok := Server("test", WithStore(memory.Type, d.Open))().(*server); ok {
		t.Errorf("%s=off serves %T", FastPaths, s)
	}
	t.Setenv(FastPaths, "check")
	i := configured(t, "calico_host_endpoint", anEndpoint)
	newCore(t, d, "test").create(t, i)
	c := newCore(t, d, "test")
	c.refresh(t, i)
	if says := c.plan(t, i); says != "" || c.reads != 1 || c.plans != 1 {
		t.Errorf("the plan says %q, and the framework was asked for %d reads and %d plans", says, c.reads, c.plans)
	}
	if says := c.validate(t, i); says != "" || c.validations != 1 {
		t.Errorf("the validation says %q, and the framework was asked for %d", says, c.validations)
	}
	if _, err := c.server.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{TypeName: i.typeName, RawState: &tfprotov6.RawState{JSON: []byte(storedState(t, c, i))}}); err != nil || c.upgrades != 1 {
		t.Errorf("%v, and the framework was asked for %d upgrades", err, c.upgrades)
	}
	// A configuration that is taken for valid and is not is told.
	wrong := *i
	wrong.config = map[string]any{"name": "db1-eth0", "node": ""}
	c.server.noteValid(validConfig{i.typeName, wire.Digest(dynamic(t, c.types[i.typeName], wrong.config))})
	if says := c.validate(t, &wrong); !strings.HasSuffix(says, "Fast Path Leads Elsewhere") {
		t.Errorf("the validation says %q", says)
	}
	// A state that the framework would make anew is told.
	i.state = c.edited(t, i, "uid", "something else")
	i.private = withDigest(i.private, i.state)
	resp, err := c.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: i.typeName, CurrentState: i.state, Private: i.private})
	if err != nil || text(resp.Diagnostics) != "Fast Path Leads Elsewhere" {
		t.Errorf("%v, and the read says %q", err, text(resp.Diagnostics))
	}
}

// edited returns the state of an instance with another value of an attribute.
func (c *core) edited(t testing.TB, i *instance, attribute string, to any) *tfprotov6.DynamicValue {
	t.Helper()
	was := i.config
	defer func() { i.config = was }()
	i.config = map[string]any{attribute: to}
	return c.proposed(t, i)
}

// TestServerKeepsNoContext: what hangs on the context of a request is gone when the request
// has been answered. The framework by itself keeps it; if it no longer does, package lent is
// of no use any more.
func TestServerKeepsNoContext(t *testing.T) {
	d := newMemory()
	i := configured(t, "calico_host_endpoint", anEndpoint)
	newCore(t, d, "test").create(t, i)
	c := newCore(t, d, "test")
	request := &tfprotov6.ValidateResourceConfigRequest{TypeName: i.typeName, Config: dynamic(t, c.types[i.typeName], i.config)}
	for name, test := range map[string]struct {
		server tfprotov6.ProviderServer
		kept   bool
	}{"the framework": {c.Full, true}, "ours": {c.server, false}} {
		gone := make(chan struct{})
		func() {
			heavy := new([1 << 20]byte)
			runtime.AddCleanup(heavy, func(done chan struct{}) { close(done) }, gone)
			ctx, cancel := context.WithCancel(context.WithValue(context.Background(), configKey{}, heavy))
			defer cancel()
			if _, err := test.server.ValidateResourceConfig(ctx, request); err != nil {
				t.Fatal(err)
			}
		}()
		// A cleanup runs soon after the garbage is found, and on a busy machine not at once.
		kept, looks := true, 6000
		if test.kept {
			looks = 50
		}
		for range looks {
			runtime.GC()
			select {
			case <-gone:
				kept = false
			case <-time.After(10 * time.Millisecond):
				continue
			}
			break
		}
		if kept != test.kept {
			t.Errorf("%s keeps contexts: %t, want %t", name, kept, test.kept)
		}
		runtime.KeepAlive(test.server)
	}
}
