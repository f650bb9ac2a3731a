package guard

import (
	"iter"
	"maps"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// objectSet is objects by their short IDs. It is never changed: a plan of a thousand changes
// makes a thousand worlds of ten thousand objects, and each holds its difference to a base
// that many of them share.
type objectSet struct {
	base map[calico.ID]calico.Object
	// over is what differs from base; nil stands for what is not there.
	over map[calico.ID]calico.Object
}

// mostOver is how much a set holds beside its base at most. (Each change copies that, and
// after as many changes the base is copied.)
const mostOver = 128

// get returns an object, nil for none.
func (s objectSet) get(id calico.ID) calico.Object {
	if obj, ok := s.over[id]; ok {
		return obj
	}
	return s.base[id]
}

// all goes through the objects, in no order.
func (s objectSet) all() iter.Seq2[calico.ID, calico.Object] {
	return func(yield func(calico.ID, calico.Object) bool) {
		for id, obj := range s.over {
			if obj != nil && !yield(id, obj) {
				return
			}
		}
		for id, obj := range s.base {
			if _, differs := s.over[id]; !differs && !yield(id, obj) {
				return
			}
		}
	}
}

// with returns the objects after a change.
func (s objectSet) with(change Change) objectSet {
	after := objectSet{s.base, maps.Clone(s.over)}
	if after.over == nil {
		after.over = map[calico.ID]calico.Object{}
	}
	for id, obj := range change {
		after.over[id.Short()] = obj
	}
	if len(after.over) <= mostOver {
		return after
	}
	return objectSet{base: maps.Collect(after.all())}
}
