package acceptance

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// interference is what somebody else does to an object between the plan and the
// apply.
type interference struct {
	name string
	// before and after tell whether the object is in the configuration, and so
	// in the datastore, before the apply and after it.
	before, after bool
	// by does it: to the object, or, if it is toText, to what is stored of it.
	by     func(w world, i int)
	toText func(text string) string
	// says is what the error tells, beside where the object is stored; nil if the apply
	// succeeds.
	says []string
	// unreadable is true for what a plan refuses too.
	unreadable bool
}

// unreadable is what is told of a value that cannot be read.
var unreadable = []string{"not a valid object", "left as it is"}

// interferences uses the first two changes of a row: Terraform makes the first,
// the other one the second.
func (r row) interferences(t *testing.T) []interference {
	create := func(w world, i int) { w.put(t, r.somebodys(t, i)) }
	change := func(w world, i int) { r.edit(t, w, i, r.changes[1].stored...) }
	remove := func(w world, i int) { w.remove(t, r.idOf(i)) }
	same := func(text string) string { return text }
	reorder := func(text string) string { return apply(t, text) + "\n" }
	corrupt := func(string) string { return `{"kind":` }
	another := calico.KindProfile
	if r.kind == another {
		another = calico.KindTier
	}
	otherKind := func(text string) string { return apply(t, text, set("kind", strconv.Quote(string(another)))) }
	// A path of the change, up to an index: a list may be told as a whole.
	path, _, _ := strings.Cut(r.changes[1].stored[0].path, "[")
	changed := []string{"changed by somebody else", "Nothing was written", path, " -> "}
	isAnother := []string{"Nothing was written", string(another)}
	return []interference{
		{name: "created by somebody else", after: true, by: create, says: []string{
			"exists already", "nothing was changed", "terraform import '" + r.typeName + ".NAME' 'OBJECT'",
			"import {\n    to = " + r.typeName + ".NAME\n    id = \"OBJECT\"\n  }"}},
		{name: "something unreadable in its place", after: true, toText: corrupt, says: []string{"exists already"}},
		{name: "changed before an update", before: true, after: true, by: change, says: changed},
		{name: "rewritten before an update", before: true, after: true, toText: same},
		{name: "reordered before an update", before: true, after: true, toText: reorder},
		{name: "deleted before an update", before: true, after: true, by: remove, says: []string{"deleted by somebody else", "Nothing was written"}},
		{name: "corrupted before an update", before: true, after: true, toText: corrupt, says: unreadable, unreadable: true},
		{name: "another kind before an update", before: true, after: true, toText: otherKind, says: isAnother, unreadable: true},
		{name: "changed before a delete", before: true, by: change, says: changed},
		{name: "rewritten before a delete", before: true, toText: same},
		{name: "reordered before a delete", before: true, toText: reorder},
		{name: "deleted before a delete", before: true, by: remove},
		{name: "corrupted before a delete", before: true, toText: corrupt, says: unreadable, unreadable: true},
		{name: "another kind before a delete", before: true, toText: otherKind, says: isAnother, unreadable: true},
	}
}

// testInterference has somebody else write to the same objects between the plan
// and the apply: what was reviewed is what is applied, or nothing.
func testInterference(t *testing.T, r row, in newWorld) {
	all := r.interferences(t)
	if !r.single() {
		r.interfere(t, in, all)
		return
	}
	// One run for each is long: these are what differs in what is done.
	for _, name := range []string{"created by somebody else", "changed before an update", "changed before a delete"} {
		i := slices.IndexFunc(all, func(one interference) bool { return one.name == name })
		t.Run(name, func(t *testing.T) { r.interfere(t, in, all[i:i+1]) })
	}
}

func (r row) interfere(t *testing.T, in newWorld, all []interference) {
	t.Helper()
	w := r.world(t, in)
	texts, isTextWorld := w.(textWorld)
	if !isTextWorld {
		all = slices.DeleteFunc(all, func(one interference) bool { return one.toText != nil })
	}
	change := acctest.With(r.config, map[string]string{r.changes[0].attribute: r.changes[0].value})
	before, after := w.provider(), w.provider()
	for i, one := range all {
		if one.before {
			before += r.block(t, i, r.config)
		}
		if one.after {
			after += r.block(t, i, change)
		}
	}
	workspace := w.workspace(t, acctest.TestCLI(t), before)
	acctest.Succeed(t, workspace, "apply")
	acctest.Rewrite(t, workspace, after)
	acctest.Succeed(t, workspace, "plan", "-out=plan")
	for i, one := range all {
		if one.by != nil {
			one.by(w, i)
		} else {
			texts.putText(t, r.idOf(i), one.toText(texts.text(t, r.idOf(i))))
		}
	}
	interfered := w.versions(t, r.kind)
	applied := acctest.Run(t, workspace, "apply", "plan")

	written := w.versions(t, r.kind)
	for i, one := range all {
		id, where := r.idOf(i), w.where(r.idOf(i))
		errs := naming(applied, where)
		if len(one.says) == 0 {
			if len(errs) > 0 {
				t.Errorf("%s: %v", one.name, errs)
			}
			if one.after {
				r.wantObject(t, w, i, apply(t, r.stored, r.changes[0].stored...), nil)
			} else if written[id] != "" {
				t.Errorf("%s: there is still %s", one.name, w.get(t, id))
			}
			continue
		}
		if len(errs) != 1 {
			t.Errorf("%s: there are %d errors that name %s: %v", one.name, len(errs), where, applied.Diagnostics)
			continue
		}
		for _, text := range one.says {
			errs[0].Says(t, strings.ReplaceAll(text, "OBJECT", r.importIDOf(i)))
		}
		if written[id] != interfered[id] {
			t.Errorf("%s: what was there was overwritten", one.name)
		}
	}

	// What cannot be read is told by a plan as well, and left alone by it.
	plan := acctest.Run(t, workspace, "plan")
	for i, one := range all {
		if !one.unreadable {
			continue
		}
		where := w.where(r.idOf(i))
		errs := naming(plan, where)
		if len(errs) != 1 {
			t.Errorf("%s: a plan has %d errors that name %s: %v", one.name, len(errs), where, plan.Diagnostics)
			continue
		}
		for _, text := range unreadable {
			errs[0].Says(t, text)
		}
	}
	if now := w.versions(t, r.kind); !maps.Equal(now, written) {
		t.Errorf("a plan has written: there are %v, and before there were %v", now, written)
	}
}

// naming returns the errors that tell where an object is stored.
func naming(o acctest.Outcome, where string) []acctest.Diagnostic {
	named := regexp.MustCompile(regexp.QuoteMeta(where) + `([^\w-]|$)`)
	return slices.DeleteFunc(o.Of("error"), func(d acctest.Diagnostic) bool { return !named.MatchString(d.Detail) })
}
