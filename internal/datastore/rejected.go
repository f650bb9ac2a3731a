package datastore

import (
	"fmt"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// RejectedError says that the datastore does not take an object, or a change of one, for
// what it is: trying again does not help. Nothing was written.
type RejectedError struct {
	ID calico.ID
	// Reason tells in sentences what rejected it, why, and what to do.
	Reason string
	// Causes are the fields that are at fault, if that is told.
	Causes []Cause
}

// Cause is a field for which a datastore rejects an object.
type Cause struct {
	// Field is its path in the object, such as spec.ingress[0].action.
	Field string
	// Reason is what the datastore says about it.
	Reason string
}

// Error names the object, the reason and the fields.
func (e *RejectedError) Error() string {
	text := fmt.Sprintf("%s was rejected: %s", safetext.Line(e.ID.String()), safetext.Line(e.Reason))
	for _, c := range e.Causes {
		text += fmt.Sprintf("\n  %s: %s", safetext.Line(c.Field), safetext.Line(c.Reason))
	}
	return text
}

// UndoneError says that a guarded write was made and taken back: together with what
// others wrote at the same time, the guard refuses it.
type UndoneError struct {
	ID    calico.ID
	Where string
	// Refusal is what the guard said.
	Refusal error
	// Others are where others wrote at the same time.
	Others []string
}

// Error names the object, the others, and the refusal.
func (e *UndoneError) Error() string {
	return fmt.Sprintf("%s at %s was written and undone, as others wrote at the same time (%s): %v",
		e.ID, safetext.Line(e.Where), safetext.Line(strings.Join(e.Others, ", ")), e.Refusal)
}

// Unwrap returns the guard's refusal.
func (e *UndoneError) Unwrap() error { return e.Refusal }

// LeftError says that a guarded write was made, that the guard refuses it together with
// what others wrote at the same time, and that it could not be undone: it is in force.
type LeftError struct {
	ID    calico.ID
	Where string
	// Refusal is what the guard said; nil if the guard could not be asked again.
	Refusal error
	// Why is why it was not undone, or why the guard could not be asked.
	Why error
}

// Error names the object and both errors.
func (e *LeftError) Error() string {
	if e.Refusal == nil {
		return fmt.Sprintf("%s at %s was written, and it could not be checked what it does together with the changes of others: %v", e.ID, safetext.Line(e.Where), e.Why)
	}
	return fmt.Sprintf("%s at %s was written and could not be undone (%v), though %v", e.ID, safetext.Line(e.Where), e.Why, e.Refusal)
}
