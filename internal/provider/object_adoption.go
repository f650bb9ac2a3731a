package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// An apply that was killed leaves objects behind that are stored and in no state. The
// next plan tells of each, and whether it is what the plan would write.
//
// A create that finds exactly what it would write could take it for its own. It does
// so only if a person or a pipeline asks for it, with adopt_identical, for these
// reasons:
//   - Nothing in a stored object tells which state it belongs to. A second workspace
//     with the same configuration finds identical objects, too. If it took them, a
//     destroy there would take away what the first one manages.
//   - A mark in the object could tell, but other tools would trip over it: calicoctl
//     shows it in every manifest, and Calico's own tools compare annotations.
//   - A record at a place of its own would cost a second write, or a key beside
//     Calico's that nobody else knows and that outlives what it is about.
//
// Whoever sets adopt_identical knows what the provider cannot: that an apply of this
// configuration was interrupted, and that no other one manages these objects. Even
// then nothing is taken that differs in anything: see storage.CreationChanges.

// adoptIdentical is the attribute of the provider.
const adoptIdentical = "adopt_identical"

// planExisting tells of an object that is stored already, at key, though the plan
// creates it: the apply takes it, or can only fail. An apply that was killed leaves many,
// so what to do about identical ones is told once.
func (r *objectResource) planExisting(ctx context.Context, key string, obj calico.Object, c *codec.Conversion, release *calico.Release, diags *diag.Diagnostics) {
	id := calico.IDOf(obj)
	exists := fmt.Sprintf("%s, which this plan creates, exists already, at %s", id, safetext.Line(key))
	const stops = " Unless this apply deletes it first, it will stop here: Terraform does not take over what it did not create."
	summary := fmt.Sprintf("Object Exists Already: %s", id)
	detail := ""
	switch changes, why := r.differences(ctx, obj, c, release); {
	case why != "":
		detail = exists + "." + stops + "\n\nWhether it is what this plan would write is not known: " + why + "."
		if r.data.adoptIdentical {
			detail += " If it is identical, the apply takes it over, as " + adoptIdentical + " is set."
		}
		detail += "\n\n" + r.importAdvice(id)
	case len(changes) > 0:
		detail = exists + ", and differs from what this plan would write." + stops + r.whatDiffers(changes, "planned") + "\n\n" + r.importAdvice(id)
	case r.data.adoptIdentical:
		summary = fmt.Sprintf("Identical Object Will Be Adopted: %s", id)
		detail = fmt.Sprintf("It exists already, at %s, and is exactly what this plan would write. As %s is set, the apply takes it into the state in place of creating it, and writes nothing.", safetext.Line(key), adoptIdentical)
	case r.data.once(adoptIdentical):
		detail = exists + ", and is exactly what this plan would write." + stops + "\n\n" + adoptionAdvice + "\n\n" + r.importAdvice(id)
	default:
		detail = fmt.Sprintf("%s, and is exactly what this plan would write. %s = true would take it over: another warning of this plan tells when that is right.", exists, adoptIdentical)
	}
	diags.AddAttributeWarning(path.Root("name"), summary, detail)
}

// adoptionAdvice tells how to take over what is identical, and when not to.
const adoptionAdvice = "If an apply of this configuration was interrupted and has left it behind, set " + adoptIdentical + " = true in the provider block, apply again, and take the setting out afterwards: it takes over what is identical. " +
	"Do not if another configuration or another workspace may manage the object: both would own it then."

// whatDiffers tells what is different in what is stored.
func (r *objectResource) whatDiffers(changes []string, wanted string) string {
	text := fmt.Sprintf("\n\nWhat differs (stored -> %s):\n  %s", wanted, strings.Join(lines(changes), "\n  "))
	if r.data.adoptIdentical {
		text += fmt.Sprintf("\n\n%s takes over only what is identical.", adoptIdentical)
	}
	return text
}

// differences compares what is stored with what a plan would write; why says why that
// cannot be done.
func (r *objectResource) differences(ctx context.Context, obj calico.Object, c *codec.Conversion, release *calico.Release) (changes []string, why string) {
	if len(c.Unknown) > 0 {
		return nil, "some of it is known only after other parts of this apply"
	}
	stored, why := r.data.content(ctx, calico.IDOf(obj))
	if why != "" {
		return nil, why
	}
	if release == nil {
		release = &calico.Newest // for a kind that every release stores alike
	}
	given, err := stored.Given(obj)
	if err == nil {
		changes, err = storage.CreationChanges(obj, given, *release)
	}
	if err != nil {
		return nil, err.Error()
	}
	return changes, ""
}

// createObject stores a new object. If exactly that is stored already, and adopt_identical
// is set, it takes that and writes nothing. What was there was read with the refusal (see
// datastore.AlreadyExistsError), and so is, in the version that is taken, what the create
// would have made.
func (r *objectResource) createObject(ctx context.Context, store datastore.Store, obj calico.Object, diags *diag.Diagnostics) (*datastore.Stored, *objectState, error) {
	stored, err := r.guarded(ctx, store, changeTo(obj)).Create(ctx, obj)
	var exists *datastore.AlreadyExistsError
	if r.data.adoptIdentical && errors.As(err, &exists) && exists.Identical() {
		r.tellAdopted(exists.Stored, diags)
		return exists.Stored, &objectState{Origin: originAdopted}, nil
	}
	return stored, &objectState{Origin: originCreated}, err
}

// tellAdopted tells which object a create has taken.
func (r *objectResource) tellAdopted(stored *datastore.Stored, diags *diag.Diagnostics) {
	diags.AddWarning(fmt.Sprintf("Identical Object Adopted: %s", calico.IDOf(stored.Object)),
		fmt.Sprintf("It was stored already, at %s, exactly as this apply would have written it. It is in the state now, as %s is set. Nothing was written for it.", safetext.Line(stored.Where), adoptIdentical))
}

// existsDetail tells what a create found in its place, and what to do.
func (r *objectResource) existsDetail(id calico.ID, e *datastore.AlreadyExistsError) string {
	detail := fmt.Sprintf("The object exists already, at %s. Terraform does not take over what it did not create: nothing was changed.", safetext.Line(e.Where))
	switch {
	case e.Identical():
		detail += " What is stored is exactly what would be written.\n\n" + adoptionAdvice
	case e.Stored != nil:
		detail += r.whatDiffers(e.Changes, "wanted")
	}
	return detail + "\n\n" + r.importAdvice(id)
}
