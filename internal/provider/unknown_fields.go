package provider

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// planUnknown tells of fields of a stored object that this provider does not know, if a
// plan changes the object: what the plan shows is not all that it is. It refuses a change
// that would take them away, or could give them to another rule.
func (r *objectResource) planUnknown(obj calico.Object, c *conversion, planned values, kept *objectState, diags *diag.Diagnostics) {
	if kept == nil || kept.Stored == nil || len(c.unknown) > 0 {
		return
	}
	base := kept.Stored
	fields := calico.UnknownFields(r.kind, base.Raw)
	if len(fields) == 0 {
		return
	}
	lost := calico.LostFields(obj, base.Raw)
	if r.adopts {
		// Only the fields that it owns are written.
		change, err := patch(obj, r.owned(planned), base.Raw)
		if err != nil {
			return // the write will tell
		}
		lost = change.LostBy(r.kind, base.Raw)
	}
	if len(lost) > 0 {
		diags.AddError("Change Would Lose Unknown Fields", lostDetail(lost))
		return
	}
	diags.AddWarning("Object Has Unknown Fields: "+safetext.Line(calico.IDOf(obj).Name),
		fmt.Sprintf("%s has fields that this version of the provider does not know: %s. They stay as they are, and a plan does not show them: what is changed here may mean something else together with them. A newer version of the provider may know them.",
			calico.IDOf(obj), strings.Join(lines(fields), ", ")))
}

// destroyUnknown tells of unknown fields of an object that is to be deleted.
func (r *objectResource) destroyUnknown(id calico.ID, base *datastore.Stored, diags *diag.Diagnostics) {
	if base == nil || r.adopts {
		return
	}
	if fields := calico.UnknownFields(r.kind, base.Raw); len(fields) > 0 {
		diags.AddWarning("Object Has Unknown Fields: "+safetext.Line(id.Name),
			fmt.Sprintf("%s has fields that this version of the provider does not know, and they are deleted with it: %s.", id, strings.Join(lines(fields), ", ")))
	}
}

// lostDetail tells why a change is refused that would lose fields.
func lostDetail(fields []string) string {
	return fmt.Sprintf("The stored object has fields that this version of the provider does not know: %s. The change would move or take away the element that they belong to, or rewrite it together with others, so that it cannot be told where they belong. "+
		"Change one element of a list at a time, and leave the others as they are; take the fields away with the tool that wrote them; or use a version of the provider that knows them.", strings.Join(lines(fields), ", "))
}
