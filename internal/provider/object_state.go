package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// objectState is what a resource keeps of its object in Terraform's private state,
// beside the attributes.
//
// It may be absent: Terraform drops it if the provider is killed while it updates an
// object, and tools that rewrite a state lose it. That is never taken for an import.
// What is configured is managed as before; what may be somebody else's is neither
// removed nor taken for what was there before Terraform; and the user is told.
type objectState struct {
	// Form is the version of this form: see privateVersion. Version is the object's.
	Form int `json:"version"`
	// Datastore is the name of the type of datastore that the object is in, such as
	// "etcd".
	Datastore string `json:"datastore"`
	Origin    origin `json:"origin"`
	// Build is the build of the provider that has made the attributes in the state of the
	// object in Stored: another one may make others.
	Build string `json:"build,omitempty"`
	// Applied is what Stored was made by; nil if it was found, or is not as it was made.
	Applied *applied `json:"applied,omitempty"`
	// Stored is the object as it was last read: the stored value with all that has no
	// attribute, and its revision. Updates start from it, and update and delete compare
	// with it. It is nil between an import and the read that follows.
	*datastore.Stored
	// Before has, of an object with several owners, the values of the owned fields
	// before they were owned, as they were stored; null for none. What is not in it is
	// not known, and is not given back.
	Before map[string]json.RawMessage `json:"before,omitempty"`
}

// applied is the configuration by which an object was made as it is stored: what it plans
// was checked, and is what is there.
type applied struct {
	// Config is its digest: see wire.Digest.
	Config string `json:"config"`
	// Valid tells that the whole of it was validated by the build that has applied it, which
	// had nothing to say about it.
	Valid bool `json:"valid,omitempty"`
	// Release is that of Calico, by whose rules it was checked: see releaseOf.
	Release string `json:"release,omitempty"`
}

// privateVersion is the version of private state that is written. Version 1, which had the
// object as base64, is read, too, and so is version 0, which had no number, no datastore and
// no origin.
const privateVersion = 2

// datastoreType returns the type that a name stands for, nil for none.
func (r *objectResource) datastoreType(name string) *datastore.Type {
	if name == "" {
		return datastoreTypes[0]
	}
	if r.data != nil && r.data.datastore != nil && r.data.datastore.Name == name {
		return r.data.datastore // that of WithStore is no other's
	}
	i := slices.IndexFunc(datastoreTypes, func(t *datastore.Type) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return datastoreTypes[i]
}

// hideFilled leaves out of an object what the datastore has filled in or shows of something
// else, but for what is set: that it is there is nothing to review, and to take it away is in
// vain. set is nil for an import: a configuration may then say either, and what an
// attribute can hold without being configured stays.
func (r *objectResource) hideFilled(stored *datastore.Stored, set values) {
	if len(stored.Filled)+len(stored.ShownLabels) == 0 {
		return
	}
	c, ok := stored.Object.DeepCopyObject().(calico.Object)
	if !ok {
		return
	}
	spec := codec.SpecOf(c)
	for _, f := range codec.FieldsOf(spec.Type()) {
		name := f.JSONName()
		if _, computed := r.filled[name]; computed && set == nil {
			continue
		}
		if slices.Contains(stored.Filled, name) && (set == nil || codec.IsVoid(set[f.Attribute], spec.FieldByIndex(f.Index).Type())) {
			spec.FieldByIndex(f.Index).SetZero()
		}
	}
	labels, named := maps.Clone(c.GetLabels()), set.stringMap("labels")
	for _, key := range stored.ShownLabels {
		if _, ok := named[key]; !ok {
			delete(labels, key)
		}
	}
	c.SetLabels(labels)
	stored.Object = c
}

// origin tells how an object came into the state.
type origin string

const (
	// originCreated is for what the resource has made itself.
	originCreated origin = "created"
	// originImported is for what an import found.
	originImported origin = "imported"
	// originAdopted is for what a create found and took: an object with several owners,
	// or an identical one (see adopt_identical).
	originAdopted origin = "adopted"
	// originUnknown is for what private state has lost, or never told.
	originUnknown origin = "unknown"
)

// The keys of private state. Version 0 kept Before apart.
const (
	stateKey    = "base"
	adoptionKey = "adoption"
)

// privateReader and privateWriter are what the framework's private state offers.
type privateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// privateStateError says why private state is of no use. Its text says what to do.
type privateStateError struct{ detail string }

func (e *privateStateError) Error() string { return e.detail }

func unreadableState(why error) error {
	return &privateStateError{fmt.Sprintf("The private state that Terraform keeps with this object cannot be read: %s. It tells what is Terraform's and what is others', so nothing was changed. "+
		"Bring back the state as it was before it was damaged, such as terraform.tfstate.backup or an older version in the backend. "+
		"If there is none, take the object out of the state (`terraform state rm ADDRESS`) and import it. Terraform then takes the values that it finds for those that were there before.", safetext.Line(why.Error()))}
}

// readState reads the private state of the object; nil if there is none. An error is
// a *privateStateError. Object is decoded.
func (r *objectResource) readState(ctx context.Context, private privateReader, id calico.ID) (*objectState, error) {
	s, err := r.parseState(ctx, private)
	if err != nil || s == nil || s.Stored == nil {
		return s, err
	}
	return s, r.decodeState(s, id)
}

// parseState is readState but for the stored value, which is not decoded.
func (r *objectResource) parseState(ctx context.Context, private privateReader) (*objectState, error) {
	text, _ := private.GetKey(ctx, stateKey)
	if text == nil {
		return nil, nil
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return nil, unreadableState(err)
	}
	if version.Version > privateVersion {
		return nil, &privateStateError{fmt.Sprintf("The state was written by a newer version of this provider: the private state of this object has version %d, and this provider reads versions up to %d. Nothing was changed. "+
			"Use the version of the provider that wrote the state, or a later one: raise the version in required_providers, and run `terraform init -upgrade`.", version.Version, privateVersion)}
	}
	s := &objectState{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, unreadableState(err)
	}
	if s.Form == 0 {
		if err := r.convertState(ctx, private, s); err != nil {
			return nil, err
		}
	}
	switch s.Origin {
	case originCreated, originImported, originAdopted, originUnknown:
	default:
		return nil, unreadableState(fmt.Errorf("the origin is %q", s.Origin))
	}
	if s.Stored == nil && s.Origin != originImported {
		return nil, unreadableState(errors.New("the object as it was last read is missing"))
	}
	if r.data != nil && r.data.datastore != nil && r.datastoreType(s.Datastore) != r.data.datastore {
		// (It may be of a type that only a newer version of this provider knows.)
		return nil, &privateStateError{fmt.Sprintf("The state has this object from a datastore of the kind %q, and the provider is configured for one of the kind %q: what Terraform knows of the object is not about this datastore. Nothing was changed. "+
			"Configure the provider for the datastore that the object is in. If it has moved to another, take it out of the state (`terraform state rm ADDRESS`) and import it from there.", s.Datastore, r.data.datastore.Name)}
	}
	return s, nil
}

// convertState makes private state of version 0 into the present one. It told the
// origin only of objects with several owners: there, what was not created was adopted
// or imported, which come to the same.
func (r *objectResource) convertState(ctx context.Context, private privateReader, s *objectState) error {
	s.Origin = originUnknown
	text, _ := private.GetKey(ctx, adoptionKey)
	if text == nil {
		return nil
	}
	var adoption struct {
		Created bool                       `json:"created"`
		Before  map[string]json.RawMessage `json:"before"`
	}
	if err := json.Unmarshal(text, &adoption); err != nil {
		return unreadableState(err)
	}
	s.Origin, s.Before = originAdopted, adoption.Before
	if adoption.Created {
		s.Origin = originCreated
	}
	return nil
}

// decode decodes the object as the datastore that it is from does.
func (r *objectResource) decode(s *objectState) error {
	t := r.datastoreType(s.Datastore)
	if t == nil {
		return fmt.Errorf("it is about a datastore of the kind %q, which this version of the provider does not know", s.Datastore)
	}
	return t.Decode(r.kind, s.Stored)
}

// decodeState decodes the object, which has to be the one that the attributes name.
func (r *objectResource) decodeState(s *objectState, id calico.ID) error {
	if err := r.decode(s); err != nil {
		return unreadableState(err)
	}
	if found := calico.IDOf(s.Object); found.Short() != id.Short() {
		return unreadableState(fmt.Errorf("it is about %s", found))
	}
	return nil
}

// importing tells that the object is to be read for an import: the state holds
// nothing but its name.
func (s *objectState) importing() bool {
	return s != nil && s.Stored == nil && s.Origin == originImported
}

// confirm checks private state against what is stored now. What is the same needs no
// decoding.
func (r *objectResource) confirm(s *objectState, now *datastore.Stored, id calico.ID) error {
	if s == nil || s.Stored == nil || s.Where == now.Where && bytes.Equal(s.Raw, now.Raw) {
		return nil
	}
	return r.decodeState(s, id)
}

// keepState writes private state: the object as it is stored now, and what else is
// known of it.
func (r *objectResource) keepState(ctx context.Context, s *objectState, stored *datastore.Stored, private privateWriter, diags *diag.Diagnostics) {
	if made, ok := ctx.Value(configKey{}).(applied); ok {
		var err error
		made.Release, err = r.releaseOf(ctx)
		if s.Applied = &made; err != nil {
			s.Applied = nil
		}
	} else if s.Build != r.data.build || s.Stored == nil || !s.isOf(stored) {
		s.Applied = nil
	}
	s.Form, s.Stored, s.Build = privateVersion, stored, r.data.build
	if r.data != nil && r.data.datastore != nil {
		s.Datastore = r.data.datastore.Name
	}
	text, err := json.Marshal(s)
	if err != nil {
		diags.AddError("Unexpected State", err.Error()+"\n\nPlease report this to the provider developers.")
		return
	}
	diags.Append(private.SetKey(ctx, stateKey, text)...)
	diags.Append(private.SetKey(ctx, adoptionKey, nil)...) // of version 0
}

// startingState returns the private state that a change of the object starts from.
// If it is lost, the change starts from what is stored now, but only if that is what
// the attributes say: otherwise what was reviewed is not what would be changed.
func (r *objectResource) startingState(ctx context.Context, store datastore.Store, private privateReader, state values) (*objectState, error) {
	id := r.id(state)
	s, err := r.readState(ctx, private, id)
	if err != nil || s != nil && s.Stored != nil {
		return s, err
	}
	stored, err := store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	shown := *stored
	r.hideFilled(&shown, state)
	if !r.sameAsState(shown.Object, state) {
		return nil, &privateStateError{fmt.Sprintf("The private state of this object is missing, and what is stored at %s is not what the state says: it cannot be told whether that was changed since Terraform read it. Nothing was changed. Plan again without -refresh=false, and review the new plan.", safetext.Line(stored.Where))}
	}
	return &objectState{Origin: originUnknown, Stored: stored}, nil
}

// sameAsState tells whether a refresh would find nothing that the state does not say.
func (r *objectResource) sameAsState(obj calico.Object, state values) bool {
	now := r.attributes(r.ownership().visible(obj, state), state)
	for name, value := range state {
		if now[name] != nil && !now[name].Equal(value) {
			return false
		}
	}
	return true
}

// warnLost tells that private state is missing, and what follows from that.
func (r *objectResource) warnLost(id calico.ID, diags *diag.Diagnostics) {
	detail := "The state has no record of this object as Terraform last read it. That happens if the provider is killed while it changes the object, and if a tool rewrites the state. " +
		"Terraform goes on managing what is configured, and leaves alone what others have put there." + r.ownership().lostBefore()
	diags.AddWarning(fmt.Sprintf("Private State Missing: %s", id), detail)
}

// was returns the value of a field before it was owned, nil for none; known is false if
// that was lost.
func (s *objectState) was(field string) (value json.RawMessage, known bool) {
	if s == nil {
		return nil, false
	}
	value, known = s.Before[field]
	if string(value) == "null" {
		value = nil
	}
	return value, known
}
