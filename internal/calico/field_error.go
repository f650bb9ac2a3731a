package calico

import (
	"errors"
	"fmt"
)

// FieldError is one thing that Calico would reject in an object.
type FieldError struct {
	// Field is where the fault is: the smallest part of the object to change.
	Field Path
	// Scope is the part of the object that the rule had to look at to find the
	// fault. It is Field itself (the zero value) where the value is wrong by
	// itself, and wider where values contradict each other. A caller that does
	// not know all of the object yet (a plan with unknown values) must disregard
	// an error whose Scope holds an unknown value.
	Scope *Path
	// Value is the offending value, for the message; nil where a value is missing.
	Value any
	// Reason says in a full sentence what Calico allows there and, where it can
	// be told, what to write instead.
	Reason string
}

// Within returns the part of the object that the fault depends on.
func (e *FieldError) Within() Path {
	if e.Scope == nil {
		return e.Field
	}
	return *e.Scope
}

// Error names the field, the value and the rule.
func (e *FieldError) Error() string {
	if e.Value == nil {
		return fmt.Sprintf("%s: %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("%s: %#v: %s", e.Field, e.Value, e.Reason)
}

// FieldErrors is everything that Calico would reject in an object, in the order
// of the object's fields. An empty list means that Calico accepts the object.
type FieldErrors []*FieldError

// Err returns the list as one error, or nil where it is empty.
func (l FieldErrors) Err() error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errors.Join(errs...)
}
