package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/guard"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/trafficguard"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// makeSafe takes out of diagnostics what a terminal would obey: whatever they are
// about, others may have written a part of it. Every method that Terraform calls
// defers it, so that nothing gets past it. (Names and keys of which one line is
// expected are made safe where they are put in: see safetext.Line.)
func makeSafe(diags *diag.Diagnostics) {
	for i, d := range *diags {
		summary, detail := safetext.Line(d.Summary()), safetext.Text(d.Detail())
		if summary == d.Summary() && detail == d.Detail() {
			continue
		}
		var safe diag.Diagnostic = diag.NewErrorDiagnostic(summary, detail)
		if d.Severity() == diag.SeverityWarning {
			safe = diag.NewWarningDiagnostic(summary, detail)
		}
		if at, ok := d.(diag.DiagnosticWithPath); ok {
			safe = diag.WithPath(at.Path(), safe)
		}
		(*diags)[i] = safe
	}
}

// addFieldError reports what Calico would refuse, on the attribute it is about.
func (r *objectResource) addFieldError(diags *diag.Diagnostics, v values, f *calico.FieldError) {
	detail := f.Reason
	if f.Value != nil {
		detail = fmt.Sprintf("%s\n\nGiven: %s", f.Reason, display(f.Value))
	}
	where := r.id(v).String()
	if field := f.Field.String(); field != "" {
		where = field + " of " + where
	}
	detail += fmt.Sprintf("\n\nThis is %s.", where)
	diags.AddAttributeError(r.attributePath(v, f.Field), "Value Calico Would Refuse", detail)
}

func display(value any) string {
	if s, ok := value.(string); ok {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprint(value)
}

// addMissing reports that an import found nothing.
func (r *objectResource) addMissing(ctx context.Context, store datastore.Store, diags *diag.Diagnostics, id calico.ID) {
	diags.AddError(fmt.Sprintf("Unable to Import %s", id),
		fmt.Sprintf("There is no such object in the datastore: nothing is stored at %s. Check the name, and that this provider configuration is the one of the datacenter that you mean.", safetext.Line(store.Key(ctx, id))))
}

// addKept reports that an object is not deleted.
func (r *objectResource) addKept(diags *diag.Diagnostics, id calico.ID, why string) {
	diags.AddError(fmt.Sprintf("Unable to Delete %s", id),
		fmt.Sprintf("%s Nothing was deleted. To stop managing it with Terraform and leave it as it is, take it out of the state: `terraform state rm ADDRESS`, or a `removed` block with `lifecycle { destroy = false }`.", why))
}

// addStoreError reports that something failed that was to be done with an object.
func (r *objectResource) addStoreError(diags *diag.Diagnostics, action string, id calico.ID, err error) {
	summary := fmt.Sprintf("Unable to %s %s", action, id)
	var exists *datastore.AlreadyExistsError
	if errors.As(err, &exists) {
		diags.AddError(summary, r.existsDetail(id, exists))
		return
	}
	// (A read that failed for the whole datastore gets here only if that is not told yet.)
	if what := wholeFailure(err); what != "" && action != "Read" && !r.data.first(what) {
		diags.AddError(summary, againDetail(id, err))
		return
	}
	var unavailable *datastore.UnavailableError
	if action == "Create" && errors.As(err, &unavailable) && unavailable.Unknown {
		diags.AddError(summary, unavailableDetail(unavailable)+fmt.Sprintf(" If the object was created all the same, the plan says that it exists already, and whether it is identical: then the next apply takes it over with %s = true in the provider block.", adoptIdentical))
		return
	}
	addStoreError(diags, summary, id, err)
}

// addWriteError reports that an object could not be written: on the attributes that the
// datastore names, if it does.
func (r *objectResource) addWriteError(diags *diag.Diagnostics, action string, v values, err error) {
	var rejected *datastore.RejectedError
	if !errors.As(err, &rejected) || len(rejected.Causes) == 0 {
		r.addStoreError(diags, action, r.id(v), err)
		return
	}
	for _, cause := range rejected.Causes {
		field, ok := calico.ParsePath(cause.Field)
		if !ok {
			r.addStoreError(diags, action, r.id(v), err)
			return
		}
		diags.AddAttributeError(r.attributePath(v, field), fmt.Sprintf("Unable to %s %s", action, r.id(v)),
			fmt.Sprintf("%s %s: %s. Nothing was written.", safetext.Text(rejected.Reason), safetext.Line(cause.Field), safetext.Line(cause.Reason)))
	}
}

// againDetail tells of a failure of the whole datastore that was told before: hundreds of
// writes may fail for the same reason, and each needs an error of its own.
func againDetail(id calico.ID, err error) string {
	var unavailable *datastore.UnavailableError
	var denied *datastore.DeniedError
	const elsewhere = "another error of this run tells why."
	switch {
	case errors.As(err, &unavailable) && unavailable.Unknown:
		return "There was no answer from the datastore: " + elsewhere + " " + unknownOutcome
	case errors.As(err, &unavailable):
		return fmt.Sprintf("There was no answer from the datastore: %s %s", elsewhere, nothingWritten(id))
	case errors.As(err, &denied):
		return fmt.Sprintf("The datastore refused the connection: %s %s", elsewhere, nothingWritten(id))
	default:
		return fmt.Sprintf("The datastore is still locked: another error of this run tells what to do. %s", nothingWritten(id))
	}
}

// nothingWritten says of what nothing was written.
func nothingWritten(id calico.ID) string {
	if id.Kind == "" {
		return "Nothing was written."
	}
	return fmt.Sprintf("Nothing was written for %s.", described(id))
}

// described names an object, as far as its name is known.
func described(id calico.ID) string {
	if id.Name == "" {
		return "a " + string(id.Kind)
	}
	return safetext.Line(id.String())
}

const unknownOutcome = "It is not known whether the change was made before the connection was lost. Plan again to see: the plan tells what is left to do."

// addStoreError is the one place where errors of a datastore become diagnostics.
func addStoreError(diags *diag.Diagnostics, summary string, id calico.ID, err error) {
	var (
		ambiguous   *datastore.AmbiguousError
		conflict    *datastore.ConflictError
		corrupt     *datastore.CorruptError
		unavailable *datastore.UnavailableError
		denied      *datastore.DeniedError
		locked      *datastore.LockedError
		tier        *datastore.TierMissingError
		used        *datastore.InUseError
		unsettled   *datastore.UnsettledError
		problem     *configurationError
		refused     *guard.RefusedError
		unknown     *storage.UnknownFieldsError
		private     *privateStateError
		rejected    *datastore.RejectedError
		undone      *datastore.UndoneError
		left        *datastore.LeftError
	)
	switch {
	case errors.As(err, &left):
		diags.AddError(summary, leftDetail(left))
	case errors.As(err, &undone):
		diags.AddError(summary, undoneDetail(undone))
	case errors.As(err, &rejected):
		detail := safetext.Text(rejected.Reason)
		for _, cause := range rejected.Causes {
			detail += fmt.Sprintf("\n  %s: %s", safetext.Line(cause.Field), safetext.Line(cause.Reason))
		}
		diags.AddError(summary, detail+"\n\nNothing was written.")
	case errors.As(err, &unknown):
		diags.AddError(summary, lostDetail(unknown.Fields)+" "+nothingWritten(id))
	case errors.As(err, &refused):
		diags.AddError(summary, trafficguard.Refusal(refused)+"Nothing was written.")
	case errors.As(err, &private):
		diags.AddError(summary, private.detail)
	case errors.As(err, &problem):
		diags.AddError(problem.summary, problem.detail)
	case errors.As(err, &ambiguous):
		diags.AddError(summary, fmt.Sprintf(
			"The policy is stored under two names at once: %s. One was left by an older release of Calico, and Calico enforces both. "+
				"Compare the two, delete the one that is out of date (`%s`), and plan again.",
			strings.Join(lines(ambiguous.Keys), " and "), strings.Join(ambiguous.Remove, "` or `")))
	case errors.As(err, &conflict) && conflict.Deleted:
		diags.AddError(summary, fmt.Sprintf(
			"The object at %s was deleted by somebody else since Terraform read it. Nothing was written there. Plan again: the new plan will create it.", safetext.Line(conflict.Where)))
	case errors.As(err, &conflict):
		diags.AddError(summary, fmt.Sprintf(
			"The object at %s was changed by somebody else since Terraform read it, so what was reviewed is not what would be applied. Nothing was written there.\n\nWhat changed (before -> now):\n  %s\n\nPlan again, review the new plan, and apply it.",
			safetext.Line(conflict.Where), strings.Join(lines(conflict.Changes), "\n  ")))
	case errors.As(err, &corrupt):
		diags.AddError(summary, fmt.Sprintf(
			"The value stored at %s (revision %s) is not a valid object: %v. It was left as it is. Look at it with `%s`; put it right, or delete it, and plan again.",
			safetext.Line(corrupt.Where), corrupt.Version, safetext.Line(corrupt.Err.Error()), corrupt.Look))
	case errors.As(err, &locked):
		diags.AddError(summary, fmt.Sprintf(
			"%s The lock did not end within request_timeout. %s Apply again when it is unlocked.", lockedDetail(locked.Lock), nothingWritten(id)))
	case errors.As(err, &tier):
		diags.AddError(summary, fmt.Sprintf(
			"The tier %q does not exist (nothing is stored at %s), and the policy was not written. If the tier is in this configuration, refer to it, so that Terraform creates it first: tier = calico_tier.NAME.name, or depends_on = [calico_tier.NAME]. "+
				"Otherwise create the tier first, or correct its name.", tier.Tier, safetext.Line(tier.Where)))
	case errors.As(err, &unsettled):
		diags.AddError(summary, fmt.Sprintf(
			"lockout_guard could not decide about this change: other policies or endpoints were changed by somebody else at each of %d tries. Nothing was written at %s. Apply again when the others are done.", unsettled.Tries, safetext.Line(unsettled.Where)))
	case errors.As(err, &used):
		diags.AddError(summary, fmt.Sprintf(
			"There are policies in the tier: %s. Nothing was deleted. Delete them or move them to another tier first.", used))
	case errors.As(err, &unavailable): // whose cause may be that something was denied
		diags.AddError(summary, unavailableDetail(unavailable))
	case errors.As(err, &denied):
		diags.AddError(summary, deniedDetail(denied))
	case errors.Is(err, datastore.ErrNotFound):
		diags.AddError(summary, "There is no such object in the datastore.")
	default:
		diags.AddError(summary, err.Error())
	}
}

// refusalOf is what a guard has said, or why it could not be asked.
func refusalOf(err error) string {
	var refused *guard.RefusedError
	if errors.As(err, &refused) {
		return trafficguard.Refusal(refused)
	}
	return safetext.Text(err.Error()) + "\n\n"
}

// undoneDetail tells that a write was undone.
func undoneDetail(e *datastore.UndoneError) string {
	with := ""
	if len(e.Others) > 0 {
		with = fmt.Sprintf(" Others wrote at the same time: %s.", safetext.Line(strings.Join(e.Others, ", ")))
	}
	return fmt.Sprintf("The change was made at %s, and undone: for a moment it was in force.%s\n\n%sWhat was stored before is stored again. Plan again, and review the new plan.", safetext.Line(e.Where), with, refusalOf(e.Refusal))
}

// leftDetail tells that a write is in force which should not be.
func leftDetail(e *datastore.LeftError) string {
	what := "It could not be checked what it does together with what others wrote at the same time.\n\n"
	if e.Refusal != nil {
		what = refusalOf(e.Refusal)
	}
	return fmt.Sprintf("THE CHANGE IS IN FORCE, and could not be undone: it is stored at %s. Look at it now, and put it right by hand.\n\n%sWhy it was not undone: %s.", safetext.Line(e.Where), what, safetext.Line(e.Why.Error()))
}

// importAdvice tells how Terraform gets to manage an object that exists.
func (r *objectResource) importAdvice(id calico.ID) string {
	address := "calico_" + r.typeName + ".NAME"
	return fmt.Sprintf(`If Terraform is to manage it from now on, import it. With NAME as the name of this resource in your configuration, either run

  terraform import '%s' %s

or add this block and plan again:

  import {
    to = %s
    id = %s
  }

Otherwise choose another name, or delete the object first.`, address, safetext.Shell(importID(id)), address, hclText(importID(id)))
}

// hclText writes text as a value of a configuration.
func hclText(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return `"` + strings.NewReplacer("${", "$${", "%{", "%%{").Replace(b.String()) + `"`
}

// lines makes texts safe that are a line each, or a part of one.
func lines(texts []string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = safetext.Line(text)
	}
	return out
}

// importID is what an import of the object is given.
func importID(id calico.ID) string {
	if id.Namespace != "" {
		return id.Namespace + "/" + id.Name
	}
	return id.Name
}

func deniedDetail(e *datastore.DeniedError) string {
	return fmt.Sprintf("%s\n\n%v", e.Advice, e.Err)
}

// lockedDetail tells what a lock is.
func lockedDetail(lock string) string {
	return "The Calico datastore is locked: " + safetext.Line(lock)
}

func unavailableDetail(e *datastore.UnavailableError) string {
	if e.Interrupted {
		detail := fmt.Sprintf("The run was interrupted before %s answered.", cmp.Or(e.Server, "the datastore"))
		if e.Unknown {
			detail += " " + unknownOutcome
		}
		return detail
	}
	if e.Remembered {
		return fmt.Sprintf("%s has not answered a request before this one, and does not answer yet: nothing was sent.\n\n%v", e.Server, e.Err)
	}
	detail := fmt.Sprintf("There was no answer from %s. Check that it runs, that the addresses are right and that they can be reached from here.\n\n%v", cmp.Or(e.Server, "the datastore"), e.Err)
	if e.Unknown {
		detail += "\n\n" + unknownOutcome
	}
	return detail
}

// protocolDiagnostics returns diagnostics in Terraform's form, as the framework would.
func protocolDiagnostics(diags diag.Diagnostics) []*tfprotov6.Diagnostic {
	var all []*tfprotov6.Diagnostic
	for _, d := range diags {
		p := &tfprotov6.Diagnostic{Severity: tfprotov6.DiagnosticSeverityWarning, Summary: d.Summary(), Detail: d.Detail()}
		if d.Severity() == diag.SeverityError {
			p.Severity = tfprotov6.DiagnosticSeverityError
		}
		if at, ok := d.(diag.DiagnosticWithPath); ok {
			p.Attribute = tftypes.NewAttributePath()
			for _, step := range at.Path().Steps() {
				if name, ok := step.(path.PathStepAttributeName); ok {
					p.Attribute = p.Attribute.WithAttributeName(string(name))
				}
			}
		}
		all = append(all, p)
	}
	return all
}
