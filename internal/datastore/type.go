package datastore

import "github.com/calico-terraform/terraform-provider-calico/internal/calico"

// Type is what is true of every datastore of one type, and known without asking it.
type Type struct {
	// Name names the type in Terraform's state. It must never change.
	Name string
	// Services is true if Calico learns of Kubernetes services there: else a rule that
	// names one matches nothing.
	Services bool
	// Namespaces is true if namespaces are objects there, which must exist before what is
	// in them. (Of each there is a profile, kns.NAMESPACE.)
	Namespaces bool
	// Unwritable has the kinds of which no object can be written there: for each, in
	// sentences, why, and what to use instead.
	Unwritable map[calico.Kind]string
	// Guarantee is what a guarded write promises.
	Guarantee Guarantee
	// Decode fills in Object from Raw. It answers *CorruptError if that is not an
	// object of the kind.
	Decode func(kind calico.Kind, stored *Stored) error
	// Look and Remove return commands for a person to paste into a shell, which show
	// or delete what is stored at a place (Stored.Key).
	Look, Remove func(where string) string
}

// Guarantee is what a guarded write promises about what others write at the same time.
type Guarantee int

// The guarantees.
const (
	// Atomic: what the guard has decided by is compared in the transaction that writes.
	// A change that the guard refuses is never made, whatever others do.
	Atomic Guarantee = iota + 1
	// Undone: the guard is asked before the write, and again by what is stored after
	// it. If others have written in between and the two together are refused, the
	// write is undone: for a moment it was in force.
	Undone
)
