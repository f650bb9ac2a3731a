package acceptance

import (
	"regexp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

var (
	uidForm  = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
)

// mustGet returns object i, which has to be there.
func (r row) mustGet(t *testing.T, w world, i int) string {
	t.Helper()
	object := w.get(t, r.idOf(i))
	if object == "" {
		t.Fatalf("there is no %s; there are %v", r.idOf(i), w.versions(t, r.kind))
	}
	return object
}

// content returns what somebody has made of object i, and what it got when it was
// created, which it checks.
func (r row) content(t *testing.T, w world, i int) (content fields, created string) {
	t.Helper()
	content = parse(t, r.mustGet(t, w, i))
	metadata, _ := content["metadata"].(fields)
	uid, _ := metadata["uid"].(string)
	created, _ = metadata["creationTimestamp"].(string)
	if !uidForm.MatchString(uid) || !timeForm.MatchString(created) {
		t.Errorf("%s has the uid %q and the creationTimestamp %q", r.idOf(i), uid, created)
	}
	delete(metadata, "uid")
	delete(metadata, "creationTimestamp")
	return content, uid + " " + created
}

// edit changes object i.
func (r row) edit(t *testing.T, w world, i int, edits ...edit) {
	t.Helper()
	if len(edits) > 0 {
		w.put(t, numbered(apply(t, r.mustGet(t, w, i), edits...), i))
	}
}

// respell stores a spelling in object i. A schema may forbid that: then it has to be one
// that is known to be forbidden.
func (r row) respell(t *testing.T, w world, i int, s spelling) {
	t.Helper()
	if len(s.stored) == 0 {
		return
	}
	if strict, ok := w.(strictWorld); ok {
		why := strict.refuses(t, numbered(apply(t, r.mustGet(t, w, i), s.stored...), i))
		// Schemas of older releases allow more.
		if (why != "") != s.lax && (why != "" || r.newer == nil) {
			t.Errorf("the spelling of %s: lax is %t, and it is refused by %q", s.attribute, s.lax, why)
		}
		if why != "" {
			return
		}
	}
	r.edit(t, w, i, s.stored...)
}

// wantObject holds that object i is this, and, if created is given, that it was created
// then.
func (r row) wantObject(t *testing.T, w world, i int, want string, created *string) {
	t.Helper()
	got, made := r.content(t, w, i)
	if diff := gocmp.Diff(parse(t, numbered(want, i)), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", r.idOf(i), diff)
	}
	if created == nil {
		return
	}
	if *created == "" {
		*created = made
	}
	if *created != made {
		t.Errorf("%s was created as %s, and now says %s", r.idOf(i), *created, made)
	}
}

// somebodys is the object that config becomes, as if somebody else had made it.
func (r row) somebodys(t *testing.T, i int) string {
	t.Helper()
	return apply(t, numbered(r.stored, i), set("metadata.uid", `"5e1b7a0f-7a3f-4d0e-9a44-3f4f8d0c1b2a"`), set("metadata.creationTimestamp", `"2024-01-02T03:04:05Z"`))
}

// replaced tells whether a change of the object takes a new one.
func (r row) replaced(o object) bool {
	return slices.ContainsFunc(o.attributes(), func(name string) bool { return slices.Contains(r.replaces, name) })
}
