package provider

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
)

// check makes the object of the attributes and reports what Calico would refuse
// in it, as far as it is known. release is nil where it is not known: then only
// what the oldest that knows the kind and the newest both refuse is reported.
func (r *objectResource) check(v values, release *calico.Release, diags *diag.Diagnostics) (calico.Object, *codec.Conversion) {
	c := &codec.Conversion{}
	r.reservedMetadata(c, v)
	r.refuseVoid(c, v)
	releases := []calico.Release{oldestWith(r.kind), calico.Newest}
	if release != nil {
		releases = []calico.Release{*release}
	}
	obj := r.object(c, v, releases[len(releases)-1])
	r.refuseOverruled(c, v, obj)
	faults := validate.Validate(obj, releases[0])
	for _, other := range releases[1:] {
		// In the words of the newer one: the older may just not know the field.
		faults = common(validate.Validate(obj, other), faults)
	}
	told := map[string]bool{}
	for _, f := range c.Faults {
		if !c.Known(f.Within()) {
			continue
		}
		told[r.attributePath(v, f.Field).String()] = true
		r.addFieldError(diags, v, f)
	}
	for _, f := range faults {
		// The conversion has said it better already.
		if c.Known(f.Within()) && reportable(c, f) && !told[r.attributePath(v, f.Field).String()] {
			r.addFieldError(diags, v, f)
		}
	}
	return obj, c
}

// refuseVoid finds what is written out as empty where Calico would take that for
// absent and fill it in.
func (r *objectResource) refuseVoid(c *codec.Conversion, v values) {
	for name := range r.filled {
		steps := strings.Split(name, ".")
		given := v.at(steps)
		if given == nil || given.IsNull() || given.IsUnknown() || given.Equal(types.BoolValue(false)) || !codec.IsVoid(given, nil) {
			continue
		}
		c.Fault(specPath.Fields(steps...), nil, "Calico would take an empty value for none, and fill in its default: leave the attribute out, or write the value that you mean.")
	}
}

// refuseOverruled finds what is given but will not be stored, since Calico puts
// something else in its place: the proposal to delete a policy has no types.
func (r *objectResource) refuseOverruled(c *codec.Conversion, v values, obj calico.Object) {
	if len(c.Unknown)+len(c.Faults) > 0 {
		return
	}
	var stored values
	for name := range r.filled {
		steps := strings.Split(name, ".")
		given := v.at(steps)
		if given == nil || given.IsNull() || given.IsUnknown() {
			continue
		}
		if stored == nil {
			stored = r.described(obj, nil)
		}
		switch kept := stored.at(steps); {
		case kept == nil || codec.SameMeaning(given, kept, nil):
		case kept.IsNull():
			c.Fault(specPath.Fields(steps...), nil, "Calico would drop this value here, without a word: leave the attribute out.")
		default:
			c.Fault(specPath.Fields(steps...), nil, "Calico would store %s in place of this value: write that, or leave the attribute out.", kept)
		}
	}
}

// oldest is the oldest release that the provider writes for.
var oldest = calico.Release{Major: 3, Minor: 0}

// oldestWith returns the oldest release that knows the kind: what an older one
// says of an object is only that.
func oldestWith(kind calico.Kind) calico.Release {
	if since := kind.Since(); since != (calico.Release{}) {
		return since
	}
	return oldest
}

// common returns the errors of a that are about fields which b complains of too.
func common(a, b calico.FieldErrors) calico.FieldErrors {
	var out calico.FieldErrors
	for _, e := range a {
		for _, o := range b {
			if e.Field.String() == o.Field.String() {
				out = append(out, e)
				break
			}
		}
	}
	return out
}

// reportable drops what the validation says of a value that could not even be
// converted, and of what such a value is a part of: the conversion has said it
// better.
func reportable(c *codec.Conversion, f *calico.FieldError) bool {
	for _, own := range c.Faults {
		if own != f && (f.Field.HasPrefix(own.Field) || own.Field.HasPrefix(f.Field)) {
			return false
		}
	}
	return true
}
