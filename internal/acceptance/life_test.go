package acceptance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// foreignIn is what others put into the stored objects of a world: an annotation, and, if
// there is room for them, fields that no type here knows, at each level.
func foreignIn(w world) []edit {
	foreign := []edit{set("metadata.annotations.another-tool", `"was here"`)}
	if _, strict := w.(strictWorld); strict {
		return foreign
	}
	return append(foreign,
		set("futureField", `"x"`),
		set("metadata.futureField", `{"a":[1]}`),
		set("spec.futureField", `{"a":[{"b":null}]}`),
	)
}

// testLife takes all objects through all that is planned and applied.
func testLife(t *testing.T, r row, in newWorld) {
	w := r.world(t, in)
	before, foreign := w.versions(t, r.kind), foreignIn(w)
	objects, derived := r.objects(), r.derived(t)
	created, given := map[int]*string{}, map[string]bool{}
	for _, o := range objects {
		created[o.number] = new(string)
	}
	// Of a kind that may have more than one object there are two more: one whose
	// every attribute comes from another resource, and one that has no more than
	// it must, and later another name.
	unknown, minimal, renamed := len(objects), len(objects)+1, len(objects)+2

	// configuration is all objects, as attributes makes them.
	configuration := func(others string, attributes func(o object) map[string]string) string {
		all := w.provider()
		for _, o := range objects {
			all += r.block(t, o.number, attributes(o))
		}
		return all + others
	}
	allUnknown := func(u *unknowns, names ...string) string {
		attributes := map[string]string{}
		for _, name := range append(slices.Collect(maps.Keys(r.config)), names...) {
			known, ok := r.config[name]
			if !ok {
				known = r.identityOf(unknown)[name]
			}
			attributes[name] = u.value("all_"+name, numbered(known, unknown))
		}
		return r.block(t, unknown, attributes)
	}

	// Each attribute alone is unknown when its object is created, too.
	creating := &unknowns{}
	create := configuration("", func(o object) map[string]string {
		attributes := maps.Clone(r.config)
		for _, name := range o.attributes() {
			attributes[name] = creating.value(fmt.Sprintf("object%d_%s", o.number, name), numbered(r.config[name], o.number))
		}
		return attributes
	})
	var others string
	if !r.single() {
		others = allUnknown(creating, slices.Collect(maps.Keys(r.identityOf(unknown)))...) + r.block(t, minimal, r.minimalConfig())
	}
	others += creating.resources
	create += others

	respelled := configuration(others, func(o object) map[string]string {
		attributes := maps.Clone(r.config)
		for _, s := range o.spellings {
			if s.value != "" {
				attributes[s.attribute] = s.value
			}
		}
		return attributes
	})

	changing := &unknowns{generation: 1}
	others = ""
	if !r.single() {
		others = allUnknown(changing) + r.block(t, minimal, acctest.With(r.minimalConfig(), map[string]string{"name": strconv.Quote(r.nameOf(renamed))}))
	}
	others += changing.resources
	change := configuration(others, func(o object) map[string]string {
		values, _, _ := o.changed()
		return acctest.With(r.config, values)
	})
	wantChanged := func() {
		for _, o := range objects {
			_, stored, _ := o.changed()
			if r.replaced(o) {
				r.wantObject(t, w, o.number, apply(t, r.stored, stored...), nil)
				continue
			}
			r.wantObject(t, w, o.number, apply(t, r.stored, append(stored, foreign...)...), created[o.number])
		}
		if !r.single() {
			r.wantObject(t, w, unknown, r.stored, nil)
			r.mustGet(t, w, renamed)
			if w.get(t, r.idOf(minimal)) != "" {
				t.Errorf("%s is still there after the change of its name", r.idOf(minimal))
			}
		}
	}
	// changes answers an error if a plan does not make, or restore, the changes of an object.
	changes := func(o object, p plannedChange) error {
		if r.replaced(o) {
			return p.does("delete create")
		}
		return p.updatesJust(o.attributes(), derived)
	}
	// each is a check of the plan for each of the objects.
	each := func(errs []error, planned func(int) plannedChange, check func(o object, p plannedChange) error) error {
		for _, o := range objects {
			if err := check(o, planned(o.number)); err != nil {
				errs = append(errs, fmt.Errorf("%s (%q): %w", r.address(o.number), o.attributes(), err))
			}
		}
		return errors.Join(errs...)
	}
	configurable := slices.Collect(maps.Keys(r.config))

	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: inProcess(w, nil),
		CheckDestroy: func(*terraform.State) error {
			if left := w.versions(t, r.kind); !maps.Equal(left, before) {
				t.Errorf("there are %v after the destroy, and before there were %v", left, before)
			}
			return nil
		},
		Steps: []resource.TestStep{
			{
				// After each step the framework wants an empty plan, without a
				// refresh and with one.
				Config: create,
				ConfigPlanChecks: planCheck(func(planned func(int) plannedChange) error {
					var errs []error
					if !r.single() {
						errs = append(errs, planned(unknown).does("create"), planned(unknown).hasUnknown(append(configurable, "name")), planned(minimal).does("create"))
					}
					return each(errs, planned, func(o object, p plannedChange) error {
						return errors.Join(p.does("create"), p.hasUnknown(o.attributes()))
					})
				}).before(r),
				Check: func(state *terraform.State) error {
					r.addGiven(given, state)
					for _, o := range objects {
						r.wantObject(t, w, o.number, r.stored, created[o.number])
					}
					if !r.single() {
						r.wantObject(t, w, unknown, r.stored, nil)
						r.mustGet(t, w, minimal)
					}
					return nil
				},
			},
			{
				ResourceName:      r.address(0),
				ImportState:       true,
				ImportStateId:     r.importIDOf(0),
				ImportStateVerify: true,
				// For want of an ID.
				ImportStateVerifyIdentifierAttribute: "name",
			},
			{
				// Another spelling is no difference, neither of the configuration nor
				// of what is stored.
				PreConfig: func() {
					for _, o := range objects {
						for _, s := range o.spellings {
							r.respell(t, w, o.number, s)
						}
					}
				},
				Config:   respelled,
				PlanOnly: true,
			},
			{
				// Each attribute changes in place, and leaves alone what others have
				// put there. Only a name is changed by a new object.
				PreConfig: func() {
					for _, o := range objects {
						r.edit(t, w, o.number, foreign...)
					}
				},
				Config: change,
				ConfigPlanChecks: planCheck(func(planned func(int) plannedChange) error {
					var errs []error
					if !r.single() {
						// A value that is not known may be one that takes a new object.
						action := "update"
						if len(r.replaces) > 0 {
							action = "delete create"
						}
						errs = append(errs, planned(unknown).does(action), planned(unknown).hasUnknown(configurable), planned(minimal).does("delete create"))
					}
					return each(errs, planned, changes)
				}).before(r),
				Check: func(state *terraform.State) error {
					r.addGiven(given, state)
					if r.newer == nil {
						r.wantEveryAttribute(t, given)
					}
					wantChanged()
					return nil
				},
			},
			{
				// What somebody else changes is planned to be put right, attribute by
				// attribute, and what somebody deletes to be created.
				PreConfig: func() {
					for _, o := range objects {
						_, _, drift := o.changed()
						drifted := numbered(apply(t, r.mustGet(t, w, o.number), drift...), o.number)
						if r.replaced(o) {
							// Nobody else can change it either: he makes another one.
							w.remove(t, r.idOf(o.number))
						}
						w.put(t, drifted)
					}
					if !r.single() {
						w.remove(t, r.idOf(renamed))
					}
				},
				Config: change,
				ConfigPlanChecks: planCheck(func(planned func(int) plannedChange) error {
					var errs []error
					if !r.single() {
						errs = append(errs, planned(unknown).does("no-op"), planned(minimal).does("create"))
					}
					return each(errs, planned, changes)
				}).before(r),
				Check: func(*terraform.State) error {
					wantChanged()
					return nil
				},
			},
		},
	})
}
