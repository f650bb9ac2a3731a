package provider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
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
	"github.com/vmihailenco/msgpack/v5"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/lent"
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
		full, ok := providerserver.NewProtocol6(p)().(lent.Full)
		if !ok {
			return providerserver.NewProtocol6(p)()
		}
		framework := lent.Server{Full: full}
		mode := os.Getenv(FastPaths)
		if mode == "off" {
			return framework
		}
		s := &server{Server: framework, provider: p, checks: mode == "check", same: map[calico.ID]bool{}}
		s.resources = sync.OnceValue(s.listResources)
		return s
	}
}

type server struct {
	lent.Server
	provider *calicoProvider
	// checks tells that each answer is compared with the framework's.
	checks bool
	// resources are those of the provider, by their names in Terraform.
	resources func() map[string]*objectResource

	mu sync.Mutex
	// same are the objects that were found as Terraform has them.
	same map[calico.ID]bool
}

func (s *server) listResources() map[string]*objectResource {
	all := map[string]*objectResource{}
	for _, newResource := range s.provider.Resources(context.Background()) {
		if r, ok := newResource().(*objectResource); ok {
			all["calico_"+r.typeName] = r
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
		if identity, err = r.identityOf(id); err != nil {
			return nil
		}
	}
	r.data.noteRead(id)
	s.mu.Lock()
	s.same[id.Short()] = true
	s.mu.Unlock()
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
	kept := r.keptUnchanged(req.PriorPrivate, req.PriorState)
	if !ok || !s.isSame(id) || kept == nil || kept.Applied == nil || kept.Applied.Config != configDigest(req.Config) || !r.fitsStill(ctx, id, kept.Applied) {
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

func (s *server) isSame(id calico.ID) bool {
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
		ctx = context.WithValue(ctx, configKey{}, configDigest(req.Config))
	}
	full, err := s.Server.ApplyResourceChange(ctx, req)
	if err == nil {
		full.Private = withDigest(full.Private, full.NewState)
	}
	return full, err
}

// digestKey is the key in private state of the digest of the state beside it: attributes
// that somebody has edited there are not what this build has made.
const digestKey = "digest"

// withDigest returns private state with the digest of a state.
func withDigest(private []byte, state *tfprotov6.DynamicValue) []byte {
	var keys map[string][]byte
	digest := stateDigest(state)
	if digest == "" || json.Unmarshal(private, &keys) != nil || keys[stateKey] == nil {
		return private
	}
	keys[digestKey] = []byte(digest)
	with, err := json.Marshal(keys)
	if err != nil {
		return private
	}
	return with
}

// stateDigest tells states apart, as a text of JSON; "" if that cannot be told. Terraform and
// the framework may write the same values in another order.
func stateDigest(state *tfprotov6.DynamicValue) string {
	if state == nil || len(state.MsgPack) == 0 {
		return ""
	}
	value, err := msgpack.NewDecoder(bytes.NewReader(state.MsgPack)).DecodeInterface()
	if err != nil || value == nil {
		return ""
	}
	text, err := json.Marshal(value) // in the order of keys
	if err != nil {
		return ""
	}
	return `"` + digestOf(text) + `"`
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return base64.RawStdEncoding.EncodeToString(sum[:16])
}

// configKey is the key of the digest of the configuration that is applied, in a context.
type configKey struct{}

// configDigest tells configurations apart.
func configDigest(config *tfprotov6.DynamicValue) string { return digestOf(config.MsgPack) }

// idOfState returns the ID of the object that attributes in Terraform's form name, without
// reading the others; ok is false for none.
func (r *objectResource) idOfState(state *tfprotov6.DynamicValue) (id calico.ID, ok bool) {
	if len(state.MsgPack) == 0 {
		return id, false
	}
	d := msgpack.NewDecoder(bytes.NewReader(state.MsgPack))
	n, err := d.DecodeMapLen()
	if err != nil || n < 0 {
		return id, false
	}
	id.Kind = r.kind
	for range n {
		name, err := d.DecodeString()
		if err != nil {
			return id, false
		}
		var into *string
		switch name {
		case "name":
			into = &id.Name
		case "namespace":
			into = &id.Namespace
		case "tier":
			into = &id.Tier
		}
		if into == nil {
			err = d.Skip()
		} else {
			*into, err = d.DecodeString() // "" for null
		}
		if err != nil {
			return id, false
		}
	}
	return id, id.Name != ""
}

// keptUnchanged returns private state if it is of this build of the provider, and the state
// beside it is what this build would make of the object that is in it; nil if it is not.
func (r *objectResource) keptUnchanged(private []byte, state *tfprotov6.DynamicValue) *objectState {
	var keys map[string][]byte
	if json.Unmarshal(private, &keys) != nil || len(keys) != 2 {
		return nil // the framework, or version 0, has noted more
	}
	if digest := stateDigest(state); digest == "" || digest != string(keys[digestKey]) {
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
	if why := different(r.schema.Type().TerraformType(ctx), fast, full); why != "" {
		return s.differs(typeName, what, why)
	}
	if fastIdentity == nil || fullIdentity == nil {
		return nil // Terraform does not know identities
	}
	var identity resource.IdentitySchemaResponse
	r.IdentitySchema(ctx, resource.IdentitySchemaRequest{}, &identity)
	if why := different(identity.IdentitySchema.Type().TerraformType(ctx), fastIdentity.IdentityData, fullIdentity.IdentityData); why != "" {
		return s.differs(typeName, what, "identity: "+why)
	}
	return nil
}

// different tells in what two values differ, "" for nothing.
func different(typ tftypes.Type, fast, full *tfprotov6.DynamicValue) string {
	if full == nil {
		return "the framework's answer has no value"
	}
	one, err := fast.Unmarshal(typ)
	if err != nil {
		return err.Error()
	}
	other, err := full.Unmarshal(typ)
	if err != nil {
		return err.Error()
	}
	diffs, err := one.Diff(other)
	switch {
	case err != nil:
		return err.Error()
	case len(diffs) > 0:
		return fmt.Sprintf("%v", diffs)
	}
	return ""
}

func (s *server) differs(typeName, what, why string) []*tfprotov6.Diagnostic {
	return []*tfprotov6.Diagnostic{{
		Severity: tfprotov6.DiagnosticSeverityError,
		Summary:  "Fast Path Leads Elsewhere",
		Detail:   fmt.Sprintf("%s is set to \"check\", and the short answer to a %s of %s is not the framework's: %s. Please report this to the provider developers, and set %[1]s to \"off\" until it is repaired.", FastPaths, what, typeName, why),
	}}
}
