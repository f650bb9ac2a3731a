package provider

import (
	"context"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/attributename"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
)

// definition is what a resource is made of. The zero value of each function
// stands for the plain case: the attributes are the fields of the kind's spec,
// by their names.
type definition struct {
	// typeName is the resource's type without the provider's prefix: "host_endpoint".
	typeName string
	kind     calico.Kind
	schema   schema.Schema

	// complete fills in what the configuration leaves out, as far as it is
	// known without the datastore. planned holds unknown values for computed
	// attributes that are not configured.
	complete func(config, planned values)
	// toObject makes the object of the attributes.
	toObject func(c *codec.Conversion, v values) calico.Object
	// fromObject makes the attributes of an object. prior is what the attributes
	// were, nil on an import: where several attributes can mean the same object,
	// they stay.
	fromObject func(obj calico.Object, attributeTypes map[string]attr.Type, prior values) values
	// derived are the computed attributes, beside object, that are functions of the
	// object, and the part of the object that each depends on.
	derived map[string]calico.Path
	// locate returns the attribute that a field of the object comes from; nil
	// for the plain case.
	locate func(v values, field calico.Path, attributeTypes map[string]attr.Type) (path.Path, bool)
	// replaceWarning is what a plan says when the object of a state is to be
	// replaced; nil, or "" as summary, is for nothing.
	replaceWarning func(state values) (summary, detail string)
	// warn tells of what a planned change does beyond its object; "" for nothing. state
	// is nil where the object is new.
	warn func(planned, state values) (at path.Path, summary, detail string)
	// refuse tells why an object that exists cannot be this resource; "" where
	// it can.
	refuse func(obj calico.Object) string

	// filled are the fields of the spec that Calico fills in where they are not
	// configured, by their JSON names ("controllers.node.leakGracePeriod"), each
	// with the attributes that decide by what.
	filled map[string][]string
	// replaces are the attributes, beside the name, that cannot change in place.
	replaces []string
	// keep tells why an object must not be deleted; "" where it may. nil stands
	// for always.
	keep func(obj calico.Object, release calico.Release) string
	// owns tells how far the object is Terraform's; nil stands for all of it.
	owns func(*objectResource) ownership
	// checkOthers checks the object against others in the datastore, as Calico's
	// client does before it creates one. Value of a fault is the ID of an object
	// that is not there. nil stands for nothing to check. (What a store can
	// check with the write, such as the tier of a policy, is for the store.)
	checkOthers func(ctx context.Context, store datastore.Store, obj calico.Object) (calico.FieldErrors, error)
}

// attributeTypes returns the types of the resource's attributes.
func (d *definition) attributeTypes() map[string]attr.Type {
	out := map[string]attr.Type{}
	for name, a := range d.schema.Attributes {
		out[name] = a.GetType()
	}
	for name, b := range d.schema.Blocks {
		out[name] = b.Type()
	}
	return out
}

var (
	metadataPath = calico.NewPath("metadata")
	specPath     = calico.NewPath("spec")
)

// object makes the object that the attributes describe, with Calico's defaults.
func (d *definition) object(c *codec.Conversion, v values, release calico.Release) calico.Object {
	obj := d.undefaulted(c, v)
	if len(c.Unknown) == 0 {
		calico.Default(obj, release)
	}
	return obj
}

// undefaulted makes the object that the attributes describe, and no more.
func (d *definition) undefaulted(c *codec.Conversion, v values) calico.Object {
	var obj calico.Object
	if d.toObject != nil {
		obj = d.toObject(c, v)
	} else {
		obj = d.kind.New()
		codec.DecodeFields(c, v, codec.SpecOf(obj), specPath)
	}
	codec.DecodeFields(c, pick(v, metadataAttributes...), codec.MetadataOf(obj), metadataPath)
	if d.kind.Tiered() {
		storage.OmitDefaultTier(obj) // in the form in which stored objects are read
	}
	return obj
}

// metadataAttributes are the attributes that are fields of an object's metadata.
var metadataAttributes = []string{"name", "namespace", "labels", "annotations"}

// attributes makes all attributes of the object. It encodes it: see described.
func (d *definition) attributes(obj calico.Object, prior values) values {
	out := d.described(obj, prior)
	for name, text := range map[string]string{
		"uid":                string(obj.GetUID()),
		"creation_timestamp": obj.GetCreationTimestamp().UTC().Format(time.RFC3339),
		"object":             objectText(obj),
	} {
		out[name] = codec.Reconcile(prior[name], types.StringValue(text), nil)
	}
	return out
}

// described makes the attributes that describe the object: those that can be configured,
// and what is derived from it beside its text.
func (d *definition) described(obj calico.Object, prior values) values {
	attributeTypes := d.attributeTypes()
	out := values{}
	if d.fromObject != nil {
		out = d.fromObject(obj, attributeTypes, prior)
	} else {
		for name, v := range codec.EncodeFields(codec.SpecOf(obj), attributeTypes) {
			out[name] = v
		}
	}
	for name, v := range codec.EncodeFields(codec.MetadataOf(obj), pick(attributeTypes, metadataAttributes...)) {
		out[name] = v
	}
	if tier := out["tier"]; tier != nil && tier.IsNull() {
		out["tier"] = types.StringValue(calico.DefaultTier) // releases differ in whether they say so
	}
	for name, v := range out {
		out[name] = codec.Reconcile(prior[name], v, d.fieldType(name))
	}
	d.keepImplied(obj, prior, out)
	return out
}

// keepImplied keeps in the attributes of an object what they were before, if the object
// has nothing there and that means the same: a tool of an older release does not write
// down what a newer one does.
func (d *definition) keepImplied(obj calico.Object, prior, out values) {
	var canonical values
	for name := range d.filled {
		steps := strings.Split(name, ".")
		was, is := prior.at(steps), out.at(steps)
		if was == nil || was.IsNull() || was.IsUnknown() || is == nil || !is.IsNull() {
			continue
		}
		if canonical == nil {
			canonical = d.described(calico.Canonical(obj), nil)
		}
		if implied := canonical.at(steps); implied != nil && codec.SameMeaning(was, implied, nil) {
			out.setFilled(steps, nil, func(attr.Value) attr.Value { return was })
		}
	}
}

// objectText returns the value of the attribute object. The blank before it keeps it
// on one line of a plan: what begins with a brace Terraform takes apart, and shows
// everything twice.
func objectText(obj calico.Object) string {
	text, err := storage.ManifestJSON(obj)
	if err != nil {
		panic("provider: an object of Calico's API cannot be encoded: " + err.Error())
	}
	return " " + text
}

// fieldType returns the type of the field that an attribute stands for, nil for
// none.
func (d *definition) fieldType(attribute string) reflect.Type {
	return codec.FieldType(codec.SpecOf(d.kind.New()).Type(), attribute)
}

func pick[V any](m map[string]V, names ...string) map[string]V {
	out := map[string]V{}
	for _, name := range names {
		if v, ok := m[name]; ok {
			out[name] = v
		}
	}
	return out
}

// id returns the ID of the object that the attributes name.
func (d *definition) id(v values) calico.ID {
	return calico.ID{Kind: d.kind, Name: v.str("name"), Tier: v.str("tier"), Namespace: v.str("namespace")}
}

// managed are the annotations, and the labels of tools (see storage.ToolLabel), that some
// attributes name: Terraform manages these. All other labels are Terraform's, too, if others
// do not share the object.
type managed struct {
	annotations, labels map[string]string
	// shared tells that others make the object (see datastore.Type): then no label is
	// Terraform's but those that are named.
	shared bool
}

// managedBy returns what any of the given attributes name.
func (r *objectResource) managedBy(all ...values) managed {
	m := managed{map[string]string{}, map[string]string{}, r.isShared()}
	for _, v := range all {
		maps.Copy(m.annotations, v.stringMap("annotations"))
		maps.Copy(m.labels, v.stringMap("labels"))
	}
	return m
}

// isShared tells whether others make objects of the kind in the datastore, and write to
// them.
func (r *objectResource) isShared() bool {
	return r.data != nil && r.data.datastore != nil && r.data.datastore.Shared[r.kind]
}

// of returns the same for a stored object of which the datastore shows labels of something
// else: these are Terraform's only as long as they are planned.
func (m managed) of(stored *datastore.Stored, planned values) managed {
	named := planned.stringMap("labels")
	for _, key := range stored.ShownLabels {
		if _, ok := named[key]; !ok {
			delete(m.labels, key)
		}
	}
	return m
}

// importedFrom returns what an import takes over of an object: all but what tools keep for
// themselves.
func importedFrom(obj calico.Object) managed {
	m := managed{annotations: maps.Clone(obj.GetAnnotations())}
	maps.DeleteFunc(m.annotations, func(key, _ string) bool { return storage.ToolAnnotation(key) })
	return m
}

// hasAnnotation tells whether an annotation is Terraform's.
func (m managed) hasAnnotation(key string) bool {
	_, ours := m.annotations[key]
	return ours
}

// hasLabel tells whether a label is Terraform's.
func (m managed) hasLabel(key string) bool {
	_, ours := m.labels[key]
	return ours || !m.shared && !storage.ToolLabel(key)
}

// withForeign adds to the object the annotations and labels of base that are not
// Terraform's: they stay.
func withForeign(obj calico.Object, base calico.Object, m managed) {
	join := func(own, of map[string]string, ours func(string) bool) map[string]string {
		all := map[string]string{}
		for key, value := range of {
			if !ours(key) {
				all[key] = value
			}
		}
		maps.Copy(all, own)
		if len(all) == 0 {
			return own
		}
		return all
	}
	obj.SetAnnotations(join(obj.GetAnnotations(), base.GetAnnotations(), m.hasAnnotation))
	obj.SetLabels(join(obj.GetLabels(), base.GetLabels(), m.hasLabel))
}

// onlyManaged returns a copy of the object without the annotations and labels that are not
// Terraform's.
func onlyManaged(obj calico.Object, m managed) calico.Object {
	c, ok := obj.DeepCopyObject().(calico.Object)
	if !ok {
		return obj
	}
	annotations := maps.Clone(obj.GetAnnotations())
	maps.DeleteFunc(annotations, func(key, _ string) bool { return !m.hasAnnotation(key) })
	c.SetAnnotations(annotations)
	labels := maps.Clone(obj.GetLabels())
	maps.DeleteFunc(labels, func(key, _ string) bool { return !m.hasLabel(key) })
	c.SetLabels(labels)
	return c
}

// attributePath returns the attribute that a field of the object comes from.
func (d *definition) attributePath(v values, field calico.Path) path.Path {
	if d.locate != nil {
		if p, ok := d.locate(v, field, d.attributeTypes()); ok {
			return p
		}
	}
	steps := field.Steps()
	if len(steps) < 2 {
		return path.Empty()
	}
	spec := codec.SpecOf(d.kind.New()).Type()
	name := attributename.Of(steps[1].Field)
	if steps[0].Field == "spec" {
		name = codec.NameOfField(spec, steps[1].Field)
	}
	typ, ok := d.attributeTypes()[name]
	if !ok {
		return path.Empty()
	}
	return codec.ExtendPath(path.Root(name), typ, codec.FieldType(spec, name), steps[2:])
}

// reservedMetadata finds labels that cannot be configured because Calico sets them.
func (d *definition) reservedMetadata(c *codec.Conversion, v values) {
	for key, value := range v.stringMap("labels") {
		if storage.MachineLabel(d.kind, key) {
			c.Fault(metadataPath.Field("labels").Key(key), value, "Calico sets the label %s itself, from the policy's tier: leave it out.", v3.LabelTier)
		}
	}
	if value, ok := v.stringMap("labels")[calico.CreatedByLabel]; ok && d.kind == calico.KindHostEndpoint {
		c.Fault(metadataPath.Field("labels").Key(calico.CreatedByLabel), value, "kube-controllers takes each host endpoint with the label %s for one of those that it makes for nodes, and changes or deletes it: leave the label out.", calico.CreatedByLabel)
	}
	for key, value := range v.stringMap("annotations") {
		if storage.MachineAnnotation(key) {
			c.Fault(metadataPath.Field("annotations").Key(key), value, "This annotation belongs to Calico's and Kubernetes' own tools: leave it out.")
		}
	}
}

// rootValues returns the attributes of a resource out of Terraform's own form.
func (d *definition) rootValues(ctx context.Context, raw rawValue) (values, error) {
	v, err := d.schema.Type().ValueFromTerraform(ctx, raw)
	if err != nil {
		return nil, err
	}
	o, ok := v.(types.Object)
	if !ok || o.IsNull() {
		return nil, nil
	}
	return o.Attributes(), nil
}

// rawValues is the way back of rootValues.
func (d *definition) rawValues(ctx context.Context, v values) (rawValue, error) {
	attributeTypes := d.attributeTypes()
	for name, typ := range attributeTypes {
		if v[name] == nil {
			v[name] = codec.Null(typ)
		}
	}
	return types.ObjectValueMust(attributeTypes, v).ToTerraformValue(ctx)
}
