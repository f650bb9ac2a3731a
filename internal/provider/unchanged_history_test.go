package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/calico-terraform/terraform-provider-calico/internal/acceptance/memory"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/wire"
)

// TestUnchangedInRandomHistories: a process that lives through many plans and applies, while
// others write to the datastore and to the state, gives the answers that the framework gives
// in a process of its own for each plan.
func TestUnchangedInRandomHistories(t *testing.T) {
	t.Parallel()
	const runs = 20
	// Among a dozen these find the most faults, if one check of the short answers after the
	// other is taken out.
	seeds := []uint64{3, 4, 5, 7}
	if testing.Short() {
		seeds = seeds[:1]
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			h := newHistory(t, seed)
			for range runs {
				h.run()
			}
			for request, n := range h.asked {
				// Otherwise there is nothing to compare.
				if short := n - h.lived.asked()[request]; short < n/20 {
					t.Errorf("of %d requests to %s only %d had a short answer", n, request, short)
				}
			}
			t.Logf("requests: %v, of which the framework was asked for %v; plans without a change: %d, with one: %d, with an error: %d; applies: %d", h.asked, h.lived.asked(), h.same, h.changed, h.failed, h.applied)
		})
	}
}

// history is what has happened to some instances.
type history struct {
	t testing.TB
	r *rand.Rand
	d *memory.Datastore
	// lived is the process that lives through all of it. full is the framework's server, of
	// the run under way. other is a process of another version of the provider.
	lived, other *core
	full         tfprotov6.ProviderServer
	providerType tftypes.Object
	blocks       map[string]*tfprotov6.SchemaBlock
	identities   map[string]tftypes.Type
	instances    []*historic
	// stored are texts that were stored of each object, for those who put them back.
	stored map[calico.ID][]string
	// told is what has happened since the last run, for the report of a failure.
	told []string
	// asked is how often the process that lives was asked.
	asked                          map[string]int
	same, changed, failed, applied int
}

// historic is an instance with what Terraform's state and its backups have of it.
type historic struct {
	instance
	// original is the first configuration; nil for config while it is taken out.
	original map[string]any
	identity *tfprotov6.ResourceIdentityData
	earlier  []stateOf
}

// stateOf is a state of an instance.
type stateOf struct {
	state   *tfprotov6.DynamicValue
	private []byte
}

func (c *core) asked() map[string]int {
	return map[string]int{"upgrade": c.upgrades, "read": c.reads, "validate": c.validations, "plan": c.plans}
}

func newHistory(t testing.TB, seed uint64) *history {
	t.Helper()
	d := newMemory()
	h := &history{t: t, r: rand.New(rand.NewPCG(seed, 15)), d: d, lived: newCore(t, d, "test"), other: newCore(t, d, "other"), stored: map[calico.ID][]string{}, asked: map[string]int{},
		blocks: map[string]*tfprotov6.SchemaBlock{}, identities: map[string]tftypes.Type{}}
	schemas, err := h.lived.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	h.providerType, _ = schemas.Provider.ValueType().(tftypes.Object)
	for name, schema := range schemas.ResourceSchemas {
		h.blocks[name] = schema.Block
	}
	identities, err := h.lived.server.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for name, schema := range identities.IdentitySchemas {
		h.identities[name] = schema.ValueType()
	}
	// A history has some of them, among these always the tier, a policy in it and two of a type.
	const always = 4
	others := h.r.Perm(len(histories) - always)[:2]
	for n, one := range histories {
		if n >= always && !slices.Contains(others, n-always) {
			continue
		}
		i := &historic{instance: *configured(t, one.typeName, one.config)}
		i.original = maps.Clone(i.config)
		h.instances = append(h.instances, i)
	}
	return h
}

// run is a plan of all instances, and most often an apply.
func (h *history) run() {
	h.told = nil
	for range h.r.IntN(3) {
		h.disturb()
	}
	// What was lost is found again when an object is applied anew.
	if i := h.instances[h.r.IntN(len(h.instances))]; h.r.IntN(2) == 0 {
		h.d.Remove(h.idOf(i))
		h.tell("%s is deleted", h.idOf(i))
	}
	if h.r.IntN(2) == 0 {
		h.drift(h.idOf(h.instances[h.r.IntN(2)]))
	}
	switch h.r.IntN(6) {
	case 0, 1:
		h.release(usualRelease)
	case 2:
		h.release(releases[h.r.IntN(len(releases))])
	}
	h.full = frameworkServer(newProvider("test", WithStore(memory.Type, h.d.Open)))
	h.configure(h.full, h.lived.server, h.other.server)
	changed := map[*historic]bool{}
	before := map[*historic]stateOf{}
	order := h.r.Perm(len(h.instances))
	for _, n := range order {
		i := h.instances[n]
		before[i] = stateOf{i.state, i.private}
		if !h.refresh(i) {
			continue
		}
		if h.r.IntN(8) == 0 {
			h.disturbDatastore()
		}
		changed[i] = h.plan(i) != nil
	}
	switch h.r.IntN(6) {
	case 0, 1: // a refresh alone
	case 2: // a plan alone, which leaves the state as it was
		for i, was := range before {
			i.state, i.private = was.state, was.private
		}
	default:
		for range h.r.IntN(2) {
			h.disturbDatastore()
		}
		for _, n := range order {
			if i := h.instances[n]; changed[i] {
				// Each in a run of its own: only one process applies, and what that tells the other
				// does not know to be told.
				h.configure(h.full, h.lived.server, h.other.server)
				h.apply(i)
			}
		}
	}
}

func (h *history) configure(servers ...tfprotov6.ProviderServer) {
	h.t.Helper()
	for _, s := range servers {
		resp, err := s.ConfigureProvider(h.t.Context(), &tfprotov6.ConfigureProviderRequest{Config: dynamic(h.t, h.providerType, nil)})
		if err != nil || len(resp.Diagnostics) > 0 {
			h.t.Fatal(err, resp)
		}
	}
}

// refresh upgrades and reads an instance that is in the state; false if that ends with an
// error.
func (h *history) refresh(i *historic) bool {
	h.t.Helper()
	if i.state == nil {
		return true
	}
	typ := h.lived.types[i.typeName]
	upgrade := &tfprotov6.UpgradeResourceStateRequest{TypeName: i.typeName, RawState: &tfprotov6.RawState{JSON: []byte(storedState(h.t, h.lived, &i.instance))}}
	short, full := ask(h, i, "upgrade", upgrade, tfprotov6.ProviderServer.UpgradeResourceState)
	h.compare(i, "upgrade", typ, short.UpgradedState, full.UpgradedState, short.Diagnostics, full.Diagnostics)
	if failed(short.Diagnostics) {
		return false
	}
	i.state = short.UpgradedState

	read := &tfprotov6.ReadResourceRequest{TypeName: i.typeName, CurrentState: i.state, Private: i.private, CurrentIdentity: i.identity}
	got, want := ask(h, i, "read", read, tfprotov6.ProviderServer.ReadResource)
	h.compare(i, "read", typ, got.NewState, want.NewState, got.Diagnostics, want.Diagnostics)
	if failed(got.Diagnostics) {
		return false
	}
	h.compareBeside(i, "read", got.NewIdentity, want.NewIdentity, got.Private, want.Private)
	i.remember()
	i.state, i.private, i.identity = got.NewState, got.Private, got.NewIdentity
	if isNull(i.state) {
		i.forget()
	}
	return true
}

// plan plans an instance; nil if there is nothing to do, or an error.
func (h *history) plan(i *historic) *tfprotov6.PlanResourceChangeResponse {
	h.t.Helper()
	prior := i.state
	if prior == nil {
		prior = h.null(i.typeName)
	}
	if i.config == nil {
		if i.state == nil {
			return nil
		}
		return h.planTo(i, prior, h.null(i.typeName), h.null(i.typeName), i.private, i.identity)
	}
	config := h.configOf(i)
	short, full := ask(h, i, "validate", &tfprotov6.ValidateResourceConfigRequest{TypeName: i.typeName, Config: config}, tfprotov6.ProviderServer.ValidateResourceConfig)
	h.compare(i, "validate", nil, nil, nil, short.Diagnostics, full.Diagnostics)
	if failed(short.Diagnostics) {
		return nil
	}
	plan := h.planTo(i, prior, h.proposedFor(i, prior, config), config, i.private, i.identity)
	if plan != nil && len(plan.RequiresReplace) > 0 {
		null := h.null(i.typeName)
		again := h.planTo(i, null, h.proposedFor(i, null, config), config, plan.PlannedPrivate, nil)
		if again != nil {
			again.RequiresReplace = plan.RequiresReplace
		}
		return again
	}
	return plan
}

// planTo plans a change to what is proposed; nil if nothing changes, or if that ends with an
// error.
func (h *history) planTo(i *historic, prior, proposed, config *tfprotov6.DynamicValue, private []byte, identity *tfprotov6.ResourceIdentityData) *tfprotov6.PlanResourceChangeResponse {
	h.t.Helper()
	typ := h.lived.types[i.typeName]
	req := &tfprotov6.PlanResourceChangeRequest{TypeName: i.typeName, PriorState: prior, ProposedNewState: proposed, Config: config, PriorPrivate: private, PriorIdentity: identity}
	got, want := ask(h, i, "plan", req, tfprotov6.ProviderServer.PlanResourceChange)
	h.compare(i, "plan", typ, got.PlannedState, want.PlannedState, got.Diagnostics, want.Diagnostics)
	if failed(got.Diagnostics) {
		h.failed++
		return nil
	}
	h.compareBeside(i, "plan", got.PlannedIdentity, want.PlannedIdentity, got.PlannedPrivate, want.PlannedPrivate)
	if diff := cmp.Diff(texts(want.RequiresReplace), texts(got.RequiresReplace)); diff != "" {
		h.fail(i, "plan", "what needs a replacement (-full +short):\n"+diff)
	}
	if wire.Different(typ, prior, got.PlannedState) == "" {
		h.same++
		return nil
	}
	h.changed++
	return got
}

// apply plans once more, as Terraform does, and applies that: with the process
// that lives, with another of the same version without short answers, or of another version.
func (h *history) apply(i *historic) {
	h.t.Helper()
	null := h.null(i.typeName)
	plan := h.plan(i)
	if plan == nil {
		return // what others have done meanwhile has to say something to it
	}
	server := []tfprotov6.ProviderServer{h.full, h.other.server, h.lived.server}[min(h.r.IntN(8), 2)]
	prior, private, config := i.state, i.private, null
	if i.config != nil {
		config = h.configOf(i)
	}
	if prior == nil {
		prior = null
	}
	if len(plan.RequiresReplace) > 0 {
		if !h.applyTo(server, i, &tfprotov6.ApplyResourceChangeRequest{TypeName: i.typeName, PriorState: prior, PlannedState: null, Config: null, PlannedPrivate: private, PlannedIdentity: i.identity}) {
			return
		}
		prior = null
	}
	h.applyTo(server, i, &tfprotov6.ApplyResourceChangeRequest{TypeName: i.typeName, PriorState: prior, PlannedState: plan.PlannedState, Config: config, PlannedPrivate: plan.PlannedPrivate, PlannedIdentity: plan.PlannedIdentity})
}

func (h *history) applyTo(server tfprotov6.ProviderServer, i *historic, req *tfprotov6.ApplyResourceChangeRequest) bool {
	h.t.Helper()
	resp, err := server.ApplyResourceChange(h.t.Context(), req)
	if err != nil {
		h.t.Fatal(err)
	}
	h.applied++
	i.remember()
	i.state, i.private, i.identity = resp.NewState, resp.Private, resp.NewIdentity
	if isNull(i.state) {
		i.forget()
	}
	return !failed(resp.Diagnostics)
}

// ask makes a request to the process that lives, and to the framework.
func ask[Q, A any](h *history, i *historic, what string, req Q, method func(tfprotov6.ProviderServer, context.Context, Q) (A, error)) (short, full A) {
	h.t.Helper()
	h.asked[what]++
	short, err := method(h.lived.server, h.t.Context(), req)
	if err != nil {
		h.fail(i, what, err.Error())
	}
	if full, err = method(h.full, h.t.Context(), req); err != nil {
		h.fail(i, what, err.Error())
	}
	return short, full
}

// compare compares two answers, the one of which may be a short one.
func (h *history) compare(i *historic, what string, typ tftypes.Type, short, full *tfprotov6.DynamicValue, says, shouldSay []*tfprotov6.Diagnostic) {
	h.t.Helper()
	if diff := cmp.Diff(sayings(shouldSay), sayings(says)); diff != "" {
		h.fail(i, what, "it says (-full +short):\n"+diff)
	}
	if typ == nil || failed(says) {
		return
	}
	if why := wire.Different(typ, short, full); why != "" {
		h.fail(i, what, why)
	}
}

// compareBeside compares what answers have beside the values.
func (h *history) compareBeside(i *historic, what string, short, full *tfprotov6.ResourceIdentityData, private, fullPrivate []byte) {
	h.t.Helper()
	if got, want := h.identityText(i, short), h.identityText(i, full); got != want {
		h.fail(i, what, fmt.Sprintf("the identity is %s, and the framework's %s", got, want))
	}
	if diff := cmp.Diff(h.meaning(fullPrivate), h.meaning(private)); diff != "" {
		h.fail(i, what, "private state (-full +short):\n"+diff)
	}
}

// identityText writes an identity; no identity and one that is null are the same.
func (h *history) identityText(i *historic, identity *tfprotov6.ResourceIdentityData) string {
	h.t.Helper()
	typ := h.identities[i.typeName]
	v := tftypes.NewValue(typ, nil)
	if identity != nil && identity.IdentityData != nil {
		var err error
		if v, err = identity.IdentityData.Unmarshal(typ); err != nil {
			h.fail(i, "identity", err.Error())
		}
	}
	return v.String()
}

// meaning is what private state says. The digest says nothing but who has written it.
func (h *history) meaning(private []byte) map[string]any {
	h.t.Helper()
	all := map[string]any{}
	for key, text := range wire.ReadPrivate(private) {
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			h.t.Fatal(err)
		}
		if key != digestKey {
			all[key] = v
		}
	}
	return all
}

func (h *history) fail(i *historic, what, why string) {
	h.t.Helper()
	h.t.Fatalf("%s of %s %v: %s\nsince the last run: %s", what, i.typeName, i.config["name"], why, strings.Join(h.told, "; "))
}

// sayings are diagnostics in an order.
func sayings(diags []*tfprotov6.Diagnostic) []string {
	all := []string{}
	for _, d := range diags {
		all = append(all, fmt.Sprintf("%s at %s: %s: %s", d.Severity, d.Attribute, d.Summary, d.Detail))
	}
	slices.Sort(all)
	return all
}

func texts(paths []*tftypes.AttributePath) []string {
	all := []string{}
	for _, p := range paths {
		all = append(all, p.String())
	}
	slices.Sort(all)
	return all
}

func (i *historic) remember() {
	if i.state != nil {
		i.earlier = append(i.earlier, stateOf{i.state, i.private})
	}
}

// forget takes an instance out of the state.
func (i *historic) forget() { i.state, i.private, i.identity = nil, nil, nil }
