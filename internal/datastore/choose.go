package datastore

import "github.com/calico-terraform/terraform-provider-calico/internal/calico"

// Choose picks an object out of what is stored in the places where it may be, each under the
// name of some release: places has them, the datastore's own release first, and found what
// was read there, undecoded. The error is ErrNotFound, *AmbiguousError if it is stored twice,
// or *CorruptError.
func (t *Type) Choose(id calico.ID, places []string, found map[string]*Stored) (*Stored, error) {
	var objects []*Stored
	for i, place := range places {
		if found[place] == nil {
			continue
		}
		stored := *found[place] // what is read of a whole kind is shared
		if err := t.Decode(id.Kind, &stored); err != nil {
			return nil, err
		}
		if calico.IDOf(stored.Object).Short() == id.Short() {
			// Equivalent spellings of a name are the user's to choose.
			stored.Object.SetName(id.Name)
		} else if i > 0 {
			continue // another policy that bears one of our other names
		}
		objects = append(objects, &stored)
	}
	switch len(objects) {
	case 0:
		return nil, ErrNotFound
	case 1:
		return objects[0], nil
	default:
		return nil, t.Ambiguous(id, objects)
	}
}

// Ambiguous says that an object is stored in several places.
func (t *Type) Ambiguous(id calico.ID, stored []*Stored) *AmbiguousError {
	err := &AmbiguousError{ID: id}
	for _, s := range stored {
		err.Keys = append(err.Keys, s.Where)
		err.Remove = append(err.Remove, t.Remove(s.Where))
	}
	return err
}
