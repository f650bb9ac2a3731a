// Package codec makes objects of Calico's API from Terraform's values, and values from
// objects; and it tells which values mean the same to Calico.
//
// Terraform's values and Calico's API types have the same shape, and Calico's names
// become Terraform's by a rule (attributename). So one pair of functions translates
// between them, whatever the kind: Decode writes an attribute's value into a field of an
// API type, Encode makes an attribute's value of a field.
//
// An absent field and a null attribute are the same thing. What is left out on one side
// is left out on the other; zero, which Calico distinguishes from absent only in
// pointers, never appears out of nothing.
package codec

import (
	"fmt"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// Conversion collects what turns up while values become an object.
type Conversion struct {
	// Unknown lists the fields whose values are not known yet.
	Unknown []calico.Path
	// Faults are the values that Calico's types cannot hold.
	Faults calico.FieldErrors
}

// Known tells whether everything below p is known.
func (c *Conversion) Known(p calico.Path) bool {
	for _, u := range c.Unknown {
		if u.HasPrefix(p) || p.HasPrefix(u) {
			return false
		}
	}
	return true
}

// Fault adds a fault of the field at a path. value is what was given, nil for nothing to show.
func (c *Conversion) Fault(at calico.Path, value any, format string, args ...any) {
	c.Faults = append(c.Faults, &calico.FieldError{Field: at, Value: value, Reason: fmt.Sprintf(format, args...)})
}
