package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/lent"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/wire"
)

// FastPaths is the environment variable for the ways around the framework: "off" takes
// none, and "check" takes both and reports an error if they lead to different places.
const FastPaths = "CALICO_FAST_PATHS"

// Server returns the constructor of a server for the provider. version is that of the
// release, or "dev".
//
// It stands before the framework, and answers by itself where nothing has changed: what
// Terraform has read before, and is stored as it was, is as Terraform has it; and a plan
// for that which proposes what there is, of a configuration that was applied to it, plans
// just that. The framework would come to the same, but it takes longer than all else in a
// plan without changes. All else is the framework's.
func Server(version string, options ...Option) func() tfprotov6.ProviderServer {
	return func() tfprotov6.ProviderServer {
		p := newProvider(version, options...)
		framework := frameworkServer(p)
		mode := os.Getenv(FastPaths)
		if mode == "off" {
			return framework
		}
		s := &server{Server: framework, provider: p, checks: mode == "check", same: map[calico.ID]sameObject{}, valid: map[validConfig]bool{}}
		s.resources = sync.OnceValue(s.listResources)
		return s
	}
}

// frameworkServer is the framework's server for a provider.
func frameworkServer(p *calicoProvider) lent.Server {
	full, ok := providerserver.NewProtocol6(p)().(lent.Full)
	if !ok {
		panic("the framework's server does not do what Terraform asks for")
	}
	return lent.Server{Full: wire.Server{Full: full}}
}

type server struct {
	lent.Server
	provider *calicoProvider
	// checks tells that each answer is compared with the framework's.
	checks bool
	// resources are those of the provider, by their names in Terraform, and types those of
	// their states.
	resources func() map[string]*objectResource
	types     map[string]func() tftypes.Type

	mu sync.Mutex
	// same are the objects that were found as Terraform has them.
	same map[calico.ID]sameObject
	// valid are the configurations about which the framework has nothing to say.
	valid map[validConfig]bool
}

// sameObject is what Terraform has of an object that has not changed.
type sameObject struct {
	// digest is that of state and private state: see wire.Digest.
	digest  string
	applied *applied
}

// validConfig is the configuration of a resource, by its digest: see wire.Digest.
type validConfig struct{ typeName, digest string }

func (s *server) listResources() map[string]*objectResource {
	ctx := context.Background()
	all := map[string]*objectResource{}
	s.types = map[string]func() tftypes.Type{}
	for _, newResource := range s.provider.Resources(ctx) {
		if r, ok := newResource().(*objectResource); ok {
			all["calico_"+r.typeName] = r
			s.types["calico_"+r.typeName] = sync.OnceValue(func() tftypes.Type { return r.schema.Type().TerraformType(ctx) })
		}
	}
	return all
}

// resource returns the resource of a type, configured; nil if there is nothing to ask.
func (s *server) resource(typeName string) *objectResource {
	data, known := s.provider.data.Load(), s.resources()[typeName]
	if known == nil || data.pending() || data.isUnreachable() || data.unwritable(known.kind) != "" {
		return nil
	}
	r := *known
	r.data = data
	return &r
}

// UpgradeResourceState writes a state of this version in another form, if there is no more
// to do.
func (s *server) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	fast := s.sameVersion(req)
	if fast != nil && !s.checks {
		return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: fast}, nil
	}
	full, err := s.Server.UpgradeResourceState(ctx, req)
	if fast != nil && err == nil {
		full.Diagnostics = append(full.Diagnostics, s.compare(req.TypeName, "upgrade", fast, full.UpgradedState, nil, nil, full.Diagnostics)...)
	}
	return full, err
}

func (s *server) sameVersion(req *tfprotov6.UpgradeResourceStateRequest) *tfprotov6.DynamicValue {
	r := s.resources()[req.TypeName]
	if r == nil || req.RawState == nil || req.RawState.JSON == nil || req.Version != r.schema.GetVersion() {
		return nil
	}
	return wire.FromState(req.RawState.JSON, s.types[req.TypeName]())
}

// ValidateResourceConfig says nothing about a configuration about which there was nothing to
// say before, in this run or when it was applied: it depends on nothing else.
func (s *server) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	if req.Config == nil || len(req.Config.MsgPack) == 0 {
		return s.Server.ValidateResourceConfig(ctx, req)
	}
	config := validConfig{req.TypeName, wire.Digest(req.Config)}
	fast := s.isValid(config)
	if fast && !s.checks {
		return &tfprotov6.ValidateResourceConfigResponse{}, nil
	}
	full, err := s.Server.ValidateResourceConfig(ctx, req)
	switch {
	case err != nil:
	case len(full.Diagnostics) == 0:
		s.noteValid(config)
	case fast:
		full.Diagnostics = append(full.Diagnostics, s.differs(req.TypeName, "validation", "the framework's has something to say: "+full.Diagnostics[0].Summary)...)
	}
	return full, err
}

func (s *server) isValid(config validConfig) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.valid[config]
}

func (s *server) noteValid(config validConfig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.valid[config] = true
}

// ReadResource answers with what came, if it is still so.
func (s *server) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	if !s.checks {
		if resp := s.readUnchanged(ctx, req); resp != nil {
			return resp, nil
		}
	}
	full, err := s.Server.ReadResource(ctx, req)
	if err != nil {
		return full, err
	}
	if s.checks {
		if fast := s.readUnchanged(ctx, req); fast != nil {
			full.Diagnostics = append(full.Diagnostics, s.compareRead(req.TypeName, fast, full)...)
		}
	}
	full.Private = withDigest(full.Private, full.NewState)
	return full, nil
}

func (s *server) readUnchanged(ctx context.Context, req *tfprotov6.ReadResourceRequest) *tfprotov6.ReadResourceResponse {
	r := s.resource(req.TypeName)
	if r == nil || req.CurrentState == nil {
		return nil
	}
	id, ok := r.idOfState(req.CurrentState)
	kept := r.keptUnchanged(req.Private, req.CurrentState)
	if !ok || kept == nil {
		return nil
	}
	store, err := r.data.store(ctx)
	if err != nil {
		return nil
	}
	stored, err := store.Get(ctx, id)
	if err != nil || !kept.isOf(stored) || r.data.hasNotices() {
		return nil // the framework's way tells errors and warnings
	}
	identity := req.CurrentIdentity
	if identity == nil {
		identity, err = r.identityOf(id)
	}
	if err != nil || !isIdentityOf(identity, id) {
		return nil
	}
	r.data.noteRead(id)
	s.mu.Lock()
	s.same[id.Short()] = sameObject{wire.Digest(req.CurrentState, req.Private), kept.Applied}
	s.mu.Unlock()
	if kept.Applied != nil && kept.Applied.Valid {
		s.noteValid(validConfig{req.TypeName, kept.Applied.Config})
	}
	tflog.Debug(ctx, "answered without the framework", map[string]any{"request": "read", "object": id.String()})
	return &tfprotov6.ReadResourceResponse{NewState: req.CurrentState, NewIdentity: identity, Private: req.Private}
}

// PlanResourceChange answers with what came, if nothing else is proposed than there is.
func (s *server) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	if s.checks {
		full, err := s.Server.PlanResourceChange(ctx, req)
		if fast := s.planUnchanged(ctx, req); err == nil && fast != nil {
			full.Diagnostics = append(full.Diagnostics, s.comparePlan(req.TypeName, fast, full)...)
		}
		return full, err
	}
	if resp := s.planUnchanged(ctx, req); resp != nil {
		return resp, nil
	}
	return s.Server.PlanResourceChange(ctx, req)
}

func (s *server) planUnchanged(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) *tfprotov6.PlanResourceChangeResponse {
	r := s.resource(req.TypeName)
	switch {
	case r == nil, r.owns != nil, r.checkOthers != nil:
		return nil // more has to be looked at than the object
	case req.PriorState == nil, req.ProposedNewState == nil, req.Config == nil,
		len(req.Config.MsgPack) == 0, !bytes.Equal(req.PriorState.MsgPack, req.ProposedNewState.MsgPack):
		return nil
	}
	id, ok := r.idOfState(req.PriorState)
	if !ok {
		return nil
	}
	same := s.sameAs(id)
	if same.applied == nil || same.applied.Config != wire.Digest(req.Config) || same.digest != wire.Digest(req.PriorState, req.PriorPrivate) || !r.fitsStill(ctx, id, same.applied) {
		return nil
	}
	var told diag.Diagnostics
	if !s.checks {
		if !r.data.planUpdate(id) {
			return nil // two resources stand for it: the framework's way tells
		}
		r.data.planRelease(ctx, id, false, &told)
		makeSafe(&told)
	}
	tflog.Debug(ctx, "answered without the framework", map[string]any{"request": "plan", "object": id.String()})
	return &tfprotov6.PlanResourceChangeResponse{
		PlannedState: req.ProposedNewState, PlannedPrivate: req.PriorPrivate, PlannedIdentity: req.PriorIdentity,
		Diagnostics: protocolDiagnostics(told),
	}
}

func (s *server) sameAs(id calico.ID) sameObject {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.same[id.Short()]
}

// fitsStill tells whether what the object was checked against when it was applied is as it
// was: the release of Calico, and the tier of a policy.
func (r *objectResource) fitsStill(ctx context.Context, id calico.ID, applied *applied) bool {
	if release, err := r.releaseOf(ctx); err != nil || release != applied.Release {
		return false
	}
	if id.Tier == "" || id.Tier == calico.DefaultTier {
		return true
	}
	store, err := r.data.store(ctx)
	if err == nil {
		_, err = store.Get(ctx, calico.ID{Kind: calico.KindTier, Name: id.Tier})
	}
	return err == nil
}

// releaseOf returns the release that objects of the kind are checked against, "" if their
// rules are those of every release.
func (r *objectResource) releaseOf(ctx context.Context) (string, error) {
	if r.kind == calico.KindHostEndpoint {
		return "", nil
	}
	store, err := r.data.store(ctx)
	if err != nil {
		return "", err
	}
	finding, err := store.Release(ctx)
	return finding.Release.String(), err
}

// ApplyResourceChange notes what is applied: see applied.
func (s *server) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	if req.Config != nil && len(req.Config.MsgPack) > 0 {
		digest := wire.Digest(req.Config)
		ctx = context.WithValue(ctx, configKey{}, applied{Config: digest, Valid: s.isValid(validConfig{req.TypeName, digest})})
	}
	full, err := s.Server.ApplyResourceChange(ctx, req)
	if err == nil {
		full.Private = withDigest(full.Private, full.NewState)
	}
	return full, err
}

// digestKey is the key in private state of the digest of the state beside it and of the rest
// of private state: attributes that somebody has edited are not what this build has made of
// the object there. That the object is in it matters, too: a provider without these ways
// keeps the digest of a state that it replaces, and that state may be put back.
const digestKey = "digest"

// withDigest returns private state with the digest of a state.
func withDigest(private []byte, state *tfprotov6.DynamicValue) []byte {
	keys := wire.ReadPrivate(private)
	if keys[stateKey] == nil {
		return private
	}
	digest := wire.StateDigest(state, keys[stateKey])
	if digest == "" {
		return private
	}
	keys[digestKey] = []byte(`"` + digest + `"`)
	return keys.Text()
}

// configKey is the key of what is known of the configuration that is applied, in a context.
type configKey struct{}

// idOfState returns the ID of the object that attributes in Terraform's form name, without
// reading the others; ok is false for none.
func (r *objectResource) idOfState(state *tfprotov6.DynamicValue) (id calico.ID, ok bool) {
	id.Kind = r.kind
	ok = wire.Texts(state, map[string]*string{"name": &id.Name, "namespace": &id.Namespace, "tier": &id.Tier})
	return id, ok && id.Name != ""
}

// keptUnchanged returns private state if it is of this build of the provider, and the state
// beside it is what this build would make of the object that is in it; nil if it is not.
func (r *objectResource) keptUnchanged(private []byte, state *tfprotov6.DynamicValue) *objectState {
	keys := wire.ReadPrivate(private)
	if len(keys) != 2 {
		return nil // the framework, or version 0, has noted more
	}
	if digest := wire.StateDigest(state, keys[stateKey]); digest == "" || `"`+digest+`"` != string(keys[digestKey]) {
		return nil
	}
	kept := &objectState{}
	if json.Unmarshal(keys[stateKey], kept) != nil || kept.Form != privateVersion || kept.Stored == nil ||
		kept.Build != r.data.build || r.datastoreType(kept.Datastore) != r.data.datastore {
		return nil
	}
	switch kept.Origin {
	case originCreated, originImported, originAdopted:
		return kept
	default:
		return nil
	}
}

// isOf tells whether an object is stored as it was when it was last read.
func (s *objectState) isOf(now *datastore.Stored) bool {
	return s.Where == now.Where && s.Version == now.Version && bytes.Equal(s.Raw, now.Raw) && bytes.Equal(s.Own, now.Own) && slices.Equal(s.Filled, now.Filled)
}

// identityOf returns the identity of an object in Terraform's form.
func (r *objectResource) identityOf(id calico.ID) (*tfprotov6.ResourceIdentityData, error) {
	attributes := map[string]tftypes.Type{"name": tftypes.String}
	values := map[string]tftypes.Value{"name": tftypes.NewValue(tftypes.String, id.Name)}
	if r.kind.Namespaced() {
		attributes["namespace"], values["namespace"] = tftypes.String, tftypes.NewValue(tftypes.String, id.Namespace)
	}
	typ := tftypes.Object{AttributeTypes: attributes}
	value, err := tfprotov6.NewDynamicValue(typ, tftypes.NewValue(typ, values))
	return &tfprotov6.ResourceIdentityData{IdentityData: &value}, err
}

// isIdentityOf tells whether an identity is that of an object: if it is another's, somebody
// has edited the state, and the framework's way tells.
func isIdentityOf(identity *tfprotov6.ResourceIdentityData, id calico.ID) bool {
	var named calico.ID
	return identity.IdentityData != nil && wire.Texts(identity.IdentityData, map[string]*string{"name": &named.Name, "namespace": &named.Namespace}) &&
		named.Name == id.Name && named.Namespace == id.Namespace
}

// compareRead reports if the framework does not answer a read with what came.
func (s *server) compareRead(typeName string, fast, full *tfprotov6.ReadResourceResponse) []*tfprotov6.Diagnostic {
	if full.Deferred != nil {
		return s.differs(typeName, "read", "the framework puts it off")
	}
	return s.compare(typeName, "read", fast.NewState, full.NewState, fast.NewIdentity, full.NewIdentity, full.Diagnostics)
}

// comparePlan reports if the framework does not answer a plan with what came.
func (s *server) comparePlan(typeName string, fast, full *tfprotov6.PlanResourceChangeResponse) []*tfprotov6.Diagnostic {
	if full.Deferred != nil || len(full.RequiresReplace) > 0 {
		return s.differs(typeName, "plan", "the framework puts it off, or replaces the object")
	}
	return s.compare(typeName, "plan", fast.PlannedState, full.PlannedState, fast.PlannedIdentity, full.PlannedIdentity, full.Diagnostics)
}

func (s *server) compare(typeName, what string, fast, full *tfprotov6.DynamicValue, fastIdentity, fullIdentity *tfprotov6.ResourceIdentityData, told []*tfprotov6.Diagnostic) []*tfprotov6.Diagnostic {
	for _, d := range told {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			return s.differs(typeName, what, "the framework's answer is an error: "+d.Summary)
		}
	}
	ctx := context.Background()
	r := s.resources()[typeName]
	if why := wire.Different(s.types[typeName](), fast, full); why != "" {
		return s.differs(typeName, what, why)
	}
	if fastIdentity == nil || fullIdentity == nil {
		return nil // Terraform does not know identities
	}
	var identity resource.IdentitySchemaResponse
	r.IdentitySchema(ctx, resource.IdentitySchemaRequest{}, &identity)
	if why := wire.Different(identity.IdentitySchema.Type().TerraformType(ctx), fastIdentity.IdentityData, fullIdentity.IdentityData); why != "" {
		return s.differs(typeName, what, "identity: "+why)
	}
	return nil
}

func (s *server) differs(typeName, what, why string) []*tfprotov6.Diagnostic {
	return []*tfprotov6.Diagnostic{{
		Severity: tfprotov6.DiagnosticSeverityError,
		Summary:  "Fast Path Leads Elsewhere",
		Detail:   fmt.Sprintf("%s is set to \"check\", and the short answer to a %s of %s is not the framework's: %s. Please report this to the provider developers, and set %[1]s to \"off\" until it is repaired.", FastPaths, what, typeName, why),
	}}
}
