package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// planUnknown tells of fields of a stored object that this provider does not know, if a
// plan changes the object: what the plan shows is not all that it is. It refuses a change
// that would take them away, or could give them to another rule.
func (r *objectResource) planUnknown(obj calico.Object, c *codec.Conversion, planned, state values, kept *objectState, diags *diag.Diagnostics) {
	if kept == nil || kept.Stored == nil {
		return
	}
	fields := storage.UnknownFields(r.kind, kept.Raw)
	if len(fields) == 0 {
		return
	}
	id := calico.IDOf(kept.Object)
	if r.refuseLost(id, r.lostBy(obj, c, planned, state, kept), diags) {
		return
	}
	later := ""
	if slices.ContainsFunc(fields, func(field string) bool { return !c.Known(specFieldOf(field)) }) {
		later = " Some values that are planned beside them are known only at the apply: it is refused if these move or take away what holds the fields."
	}
	r.warnUnknown(id, fields, later, diags)
}

// lostBy returns a *storage.UnknownFieldsError if a change would lose fields, as far as it
// is known.
func (r *objectResource) lostBy(obj calico.Object, c *codec.Conversion, planned, state values, kept *objectState) error {
	lost, err := r.ownership().lost(obj, planned, state, kept)
	if err != nil {
		return err
	}
	if lost = slices.DeleteFunc(lost, func(field string) bool { return !c.Known(specFieldOf(field)) }); len(lost) > 0 {
		return &storage.UnknownFieldsError{Fields: lost}
	}
	return nil
}

// specFieldOf returns the field of the spec that a path leads into, of those that
// storage.UnknownFields returns.
func specFieldOf(path string) calico.Path {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "spec."), ".")
	name, _, _ = strings.Cut(name, "[")
	return specPath.Field(name)
}

// refuseLost reports a change that would lose fields. It is false for any other error,
// and for none.
func (r *objectResource) refuseLost(id calico.ID, err error, diags *diag.Diagnostics) bool {
	var unknown *storage.UnknownFieldsError
	if !errors.As(err, &unknown) {
		return false
	}
	diags.AddError("Change Would Lose Unknown Fields: "+safetext.Line(id.Name), lostDetail(unknown.Fields))
	return true
}

// warnUnknown tells of fields that a change leaves as they are, if there are any.
func (r *objectResource) warnUnknown(id calico.ID, fields []string, later string, diags *diag.Diagnostics) {
	if len(fields) == 0 {
		return
	}
	diags.AddWarning("Object Has Unknown Fields: "+safetext.Line(id.Name),
		fmt.Sprintf("%s has fields that this version of the provider does not know: %s. They stay as they are, and a plan does not show them: what is changed here may mean something else together with them.%s A newer version of the provider may know them.",
			id, few(fields), later))
}

// destroyUnknown tells of unknown fields of an object that is to be deleted, or replaced
// by another one.
func (r *objectResource) destroyUnknown(kept *objectState, replaced bool, diags *diag.Diagnostics) {
	if kept == nil || kept.Stored == nil {
		return
	}
	fields := storage.UnknownFields(r.kind, kept.Raw)
	if len(fields) == 0 {
		return
	}
	id := calico.IDOf(kept.Object)
	after := ""
	if replaced {
		after = " The object that takes its place is created without them, and may mean something else: a rule whose condition is lost matches more."
	}
	diags.AddWarning("Object Has Unknown Fields: "+safetext.Line(id.Name),
		fmt.Sprintf("%s has fields that this version of the provider does not know, and they are deleted with it: %s.%s", id, few(fields), after))
}

// replaceUnknown tells of unknown fields of an object that is replaced. Terraform plans
// the new one, which has no state yet, with the private state of the old one.
func (r *objectResource) replaceUnknown(ctx context.Context, private privateReader, diags *diag.Diagnostics) {
	kept, err := r.parseState(ctx, private)
	if err != nil || kept == nil || kept.Stored == nil || r.decode(kept) != nil {
		return
	}
	r.ownership().planRemoval(nil, kept, diags)
}

// lostDetail tells why a change is refused that would lose fields.
func lostDetail(fields []string) string {
	return fmt.Sprintf("The stored object has fields that this version of the provider does not know: %s. The change would move or take away the element that holds them, or change so much of it that it cannot be told which one holds them afterwards. "+
		"Leave such elements as they are and where they are, or change one attribute of an element at a time, and apply in between; take the fields away with the tool that wrote them; or use a version of the provider that knows them.", few(fields))
}

// few names fields; of very many the first ones.
func few(fields []string) string {
	const most = 20
	text := strings.Join(lines(fields[:min(most, len(fields))]), ", ")
	if more := len(fields) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
