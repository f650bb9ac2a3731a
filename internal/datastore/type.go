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
	// Shared has the kinds of whose objects Calico's part is only one, as others make them
	// there and write to them. Of the labels of such an object those are an administrator's
	// that he names; all others stay, and so does the object when it is deleted.
	Shared map[calico.Kind]bool
	// Decode fills in Object from Raw. It answers *CorruptError if that is not an
	// object of the kind.
	Decode func(kind calico.Kind, stored *Stored) error
	// Look and Remove return commands for a person to paste into a shell, which show
	// or delete what is stored at a place (Stored.Where).
	Look, Remove func(where string) string
}
