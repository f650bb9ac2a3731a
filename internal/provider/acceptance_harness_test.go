package provider_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider"
)

// The acceptance tests hold every resource to the same promises. A resource is
// one row of acceptanceRows, in a file of its own; nothing else here knows it.
//
// A run of the CLI takes longer than what is tested in it, so one run tests many
// objects: as many as there are changes and spellings in the row, each with its
// own change or spelling, so that each is seen alone.

// acceptanceRelease is the release of Calico whose datastore is used. How other
// releases store an object is what the conformance and upgrade tests are about.
const acceptanceRelease = "v3.31.0"

// acceptance is what the tests need to know of a resource. In all of its texts
// {i} is the number of the object, from 0: a row whose name has no {i} is of a
// kind that has one object only.
type acceptance struct {
	// typeName is such as "calico_host_endpoint".
	typeName string
	// name is the object's name, and key where it is stored, without the prefix
	// of all keys of objects.
	name, key string
	// namespace is that of the object; "" for a kind without.
	namespace string
	// release is that of the datastore, for a kind of which acceptanceRelease does
	// not know all that there is; "" for acceptanceRelease.
	release string
	// needs are the objects that must be there before: JSON by key, without the
	// prefix of all keys of objects.
	needs map[string]string
	// config has a value for every attribute and block but these, as HCL: that of
	// a block is an object, that of one that can be repeated a list of objects, of
	// which the test writes the blocks. The values are spelled as they come back
	// from an import. Of attributes that exclude each other all but one are "",
	// which leaves them out: see together.
	config map[string]string
	// minimal names the attributes without which there is no object. Their values
	// are those of config.
	minimal []string
	// sameAs names attributes whose values are made as those of another one are,
	// nested attributes and all, so that config need not have each part of both.
	sameAs map[string]string
	// stored is the JSON that config becomes, but for uid and creationTimestamp.
	stored string
	// changes are one for each attribute of config.
	changes []acceptanceChange
	// together has, by the attribute of a change, the other attributes that must
	// change with it, and their new values.
	together map[string]map[string]string
	// replaces names the attributes whose change takes a new object.
	replaces []string
	// spellings are other ways to say what config says.
	spellings []acceptanceSpelling
	// invalid are configurations that are refused.
	invalid []acceptanceInvalid
	// only names the tests of acceptanceTests that are for the row; nil for all.
	only []string
}

// acceptanceChange is another value of one attribute.
type acceptanceChange struct {
	attribute string
	// value is the new value as HCL, and stored what it changes in the stored
	// JSON of config.
	value  string
	stored []edit
	// drift is what somebody changes behind Terraform's back, in the JSON that
	// stored has made, in what is the attribute's.
	drift []edit
}

// acceptanceSpelling is another spelling: of the attribute in the configuration,
// or of what is stored.
type acceptanceSpelling struct {
	attribute string
	value     string
	stored    []edit
}

// acceptanceInvalid is a configuration that is refused: the one of minimal with
// other values.
type acceptanceInvalid struct {
	name string
	// set has the values, as HCL; "" leaves an attribute out.
	set map[string]string
	// path is the attribute that the error is on, such as "port[0].name".
	path string
	// says is what the error tells; one of it is what to write instead.
	says []string
	// plan is true for what is told by a plan only, since it depends on the release.
	plan bool
	// release is the one that refuses it, where it is not the row's.
	release string
}

// edit is a change of stored JSON.
type edit struct {
	// path is such as "spec.ports[0].name".
	path string
	// value is JSON; "" removes what is at path.
	value string
	// insert puts value before what is at path, which is in a list.
	insert bool
}

func set(path, value string) edit    { return edit{path: path, value: value} }
func remove(path string) edit        { return edit{path: path} }
func insert(path, value string) edit { return edit{path: path, value: value, insert: true} }

// acceptanceTests are what each row is tested for.
var acceptanceTests = map[string]func(*testing.T, acceptance){
	"row is complete":    testRowIsComplete,
	"life":               testLife,
	"interference":       testInterference,
	"import by identity": testImportByIdentity,
	"invalid":            testInvalid,
}

func TestAcceptance(t *testing.T) {
	t.Parallel()
	rows := map[string]acceptance{}
	for _, row := range acceptanceRows {
		rows[row.typeName] = row
	}
	for typeName := range resourceSchemas(t) {
		row, ok := rows[typeName]
		if !ok {
			t.Errorf("there is no row of %s in acceptanceRows", typeName)
			continue
		}
		t.Run(strings.TrimPrefix(typeName, "calico_"), func(t *testing.T) {
			t.Parallel()
			for name, test := range acceptanceTests {
				if row.only != nil && !slices.Contains(row.only, name) {
					continue
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, row)
				})
			}
		})
	}
}

// single tells a kind that has one object only.
func (a acceptance) single() bool { return !strings.Contains(a.name, "{i}") }

func numbered(text string, i int) string { return strings.ReplaceAll(text, "{i}", strconv.Itoa(i)) }

// keyOf returns the key of object i.
func (a acceptance) keyOf(i int) string { return acctest.ResourcePrefix + numbered(a.key, i) }

// newEtcd starts a datastore in which objects of the row can be made.
func (a acceptance) newEtcd(t *testing.T) *acctest.Etcd {
	t.Helper()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(cmp.Or(a.release, acceptanceRelease)))
	for key, value := range a.needs {
		etcd.Put(t, acctest.ResourcePrefix+key, value)
	}
	return etcd
}

// keyPrefix begins the keys of all objects of the kind.
func (a acceptance) keyPrefix() string {
	plural, _, _ := strings.Cut(a.key, "/")
	return acctest.ResourcePrefix + plural + "/"
}

// nameOf returns the name of object i.
func (a acceptance) nameOf(i int) string { return numbered(a.name, i) }

// importIDOf returns what `terraform import` takes for object i.
func (a acceptance) importIDOf(i int) string {
	if a.namespace != "" {
		return a.namespace + "/" + a.nameOf(i)
	}
	return a.nameOf(i)
}

// identityOf returns what names object i, as HCL.
func (a acceptance) identityOf(i int) map[string]string {
	identity := map[string]string{"name": strconv.Quote(a.nameOf(i))}
	if a.namespace != "" {
		identity["namespace"] = strconv.Quote(a.namespace)
	}
	return identity
}

// address is where object i is in the configuration.
func (a acceptance) address(i int) string { return fmt.Sprintf("%s.object%d", a.typeName, i) }

// block writes object i as HCL, with blocks where the schema has them.
func (a acceptance) block(t *testing.T, i int, attributes map[string]string) string {
	t.Helper()
	blocks := resourceSchemas(t)[a.typeName].Blocks
	var b strings.Builder
	fmt.Fprintf(&b, "\nresource %q \"object%d\" {\n", a.typeName, i)
	attributes = with(a.identityOf(i), attributes)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		value := numbered(attributes[name], i)
		switch block, ok := blocks[name]; {
		case value == "":
		case ok:
			b.WriteString(asBlocks(t, name, block, value))
		default:
			fmt.Fprintf(&b, "  %s = %s\n", name, value)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// with returns the attributes with other values for some of them.
func with(attributes map[string]string, other map[string]string) map[string]string {
	all := maps.Clone(attributes)
	maps.Copy(all, other)
	return all
}

func (a acceptance) minimalConfig() map[string]string {
	attributes := map[string]string{}
	for _, name := range a.minimal {
		attributes[name] = a.config[name]
	}
	return attributes
}

// derived names the attributes that are functions of others.
func (a acceptance) derived(t *testing.T) []string {
	t.Helper()
	var names []string
	for name, attribute := range resourceSchemas(t)[a.typeName].Attributes {
		if attribute.IsComputed() && !attribute.IsOptional() && name != "uid" && name != "creation_timestamp" {
			names = append(names, name)
		}
	}
	return names
}

// object is one of the objects of a test, with the changes and spellings of the
// row that are its own.
type object struct {
	number    int
	changes   []acceptanceChange
	together  map[string]map[string]string
	spellings []acceptanceSpelling
}

// objects deals out the changes and spellings, one each to each object; where
// there is only one, it gets all.
func (a acceptance) objects() []object {
	if a.single() {
		return []object{{changes: a.changes, together: a.together, spellings: a.spellings}}
	}
	all := make([]object, max(len(a.changes), len(a.spellings)))
	for i := range all {
		all[i].number, all[i].together = i, a.together
		if i < len(a.changes) {
			all[i].changes = a.changes[i : i+1]
		}
		if i < len(a.spellings) {
			all[i].spellings = a.spellings[i : i+1]
		}
	}
	return all
}

// attributes are those that the object's changes are of.
func (o object) attributes() []string {
	var names []string
	for _, c := range o.changes {
		names = append(names, c.attribute)
		names = slices.AppendSeq(names, maps.Keys(o.together[c.attribute]))
	}
	slices.Sort(names)
	return names
}

func (o object) changed() (values map[string]string, stored, drift []edit) {
	values = map[string]string{}
	for _, c := range o.changes {
		values[c.attribute] = c.value
		maps.Copy(values, o.together[c.attribute])
		stored = append(stored, c.stored...)
		drift = append(drift, c.drift...)
	}
	return values, stored, drift
}

// apply makes the edits in JSON.
func apply(t *testing.T, text string, edits ...edit) string {
	t.Helper()
	var node any
	if err := json.Unmarshal([]byte(text), &node); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for _, e := range edits {
		var value any
		if e.value != "" {
			if err := json.Unmarshal([]byte(e.value), &value); err != nil {
				t.Fatalf("%v in the value of %s, %s", err, e.path, e.value)
			}
		}
		// a.b[0] has the steps a, b and 0.
		steps := strings.FieldsFunc(e.path, func(r rune) bool { return strings.ContainsRune(".[]", r) })
		node = e.in(t, node, steps, value)
	}
	edited, err := json.Marshal(node)
	if err != nil {
		t.Fatal(err)
	}
	return string(edited)
}

func (e edit) in(t *testing.T, node any, steps []string, value any) any {
	t.Helper()
	if len(steps) == 0 {
		return value
	}
	last := len(steps) == 1
	switch node := node.(type) {
	case nil:
		return map[string]any{steps[0]: e.in(t, nil, steps[1:], value)}
	case map[string]any:
		if last && e.value == "" {
			if _, ok := node[steps[0]]; !ok {
				t.Fatalf("there is no %s to remove", e.path)
			}
			delete(node, steps[0])
			return node
		}
		node[steps[0]] = e.in(t, node[steps[0]], steps[1:], value)
		return node
	case []any:
		i, err := strconv.Atoi(steps[0])
		switch {
		case err != nil || i < 0 || i > len(node) || i == len(node) && (!last || !e.insert):
			t.Fatalf("there is no %s in a list of %d", e.path, len(node))
		case last && e.insert:
			return slices.Insert(node, i, value)
		case last && e.value == "":
			return slices.Delete(node, i, i+1)
		default:
			node[i] = e.in(t, node[i], steps[1:], value)
		}
		return node
	default:
		t.Fatalf("%s leads through %v", e.path, node)
		return nil
	}
}

// storedObject reads what is stored for object i, and checks uid and
// creationTimestamp, which it leaves out.
func (a acceptance) storedObject(t *testing.T, etcd *acctest.Etcd, i int) (content any, uid string) {
	t.Helper()
	text := etcd.MustGet(t, a.keyOf(i)).Value
	var stored map[string]any
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	metadata, _ := stored["metadata"].(map[string]any)
	uid, _ = metadata["uid"].(string)
	created, _ := metadata["creationTimestamp"].(string)
	if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(uid) ||
		!regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`).MatchString(created) {
		t.Errorf("%s has the uid %q and the creationTimestamp %q", a.keyOf(i), uid, created)
	}
	delete(metadata, "uid")
	delete(metadata, "creationTimestamp")
	return stored, uid + " " + created
}

// replaced tells whether a change of the object takes a new one.
func (a acceptance) replaced(o object) bool {
	return slices.ContainsFunc(o.attributes(), func(name string) bool { return slices.Contains(a.replaces, name) })
}

// edit changes what is stored for object i.
func (a acceptance) edit(t *testing.T, etcd *acctest.Etcd, i int, edits ...edit) {
	t.Helper()
	if len(edits) > 0 {
		etcd.Put(t, a.keyOf(i), apply(t, etcd.MustGet(t, a.keyOf(i)).Value, edits...))
	}
}

// wantObject holds that this is stored for object i, and, where created
// is given, that it was created then.
func (a acceptance) wantObject(t *testing.T, etcd *acctest.Etcd, i int, want string, created *string) {
	t.Helper()
	var content any
	if err := json.Unmarshal([]byte(numbered(want, i)), &content); err != nil {
		t.Fatalf("%v in %s", err, want)
	}
	got, made := a.storedObject(t, etcd, i)
	if diff := gocmp.Diff(content, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", a.keyOf(i), diff)
	}
	if created == nil {
		return
	}
	if *created == "" {
		*created = made
	}
	if *created != made {
		t.Errorf("%s was created as %s, and now says %s", a.keyOf(i), *created, made)
	}
}

// plannedChange is what a plan does to one object.
type plannedChange struct {
	// actions are such as "delete create".
	actions string
	// changed names the attributes that change, or may.
	changed []string
	// unknown names those whose new value, or a part of it, is not known.
	unknown []string
}

func plannedOf(req plancheck.CheckPlanRequest, address string) plannedChange {
	var p plannedChange
	for _, r := range req.Plan.ResourceChanges {
		if r.Address != address {
			continue
		}
		p.actions = strings.Trim(fmt.Sprint(r.Change.Actions), "[]")
		before, _ := r.Change.Before.(map[string]any)
		after, _ := r.Change.After.(map[string]any)
		unknown, _ := r.Change.AfterUnknown.(map[string]any)
		names := map[string]bool{}
		for _, m := range []map[string]any{before, after, unknown} {
			for name := range m {
				names[name] = true
			}
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if isUnknown(unknown[name]) {
				p.unknown = append(p.unknown, name)
			}
			if isUnknown(unknown[name]) || !reflect.DeepEqual(before[name], after[name]) {
				p.changed = append(p.changed, name)
			}
		}
	}
	return p
}

func isUnknown(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case []any:
		return slices.ContainsFunc(v, isUnknown)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), isUnknown)
	default:
		return false
	}
}

// does tells where a plan does something else.
func (p plannedChange) does(actions string) error {
	if p.actions != actions {
		return fmt.Errorf("the plan is to %q, and not to %q", p.actions, actions)
	}
	return nil
}

// updatesJust tells where a plan does not update these attributes, all of them
// and no others but those that are derived, with values that are known.
func (p plannedChange) updatesJust(attributes, derived []string) error {
	if err := p.does("update"); err != nil {
		return err
	}
	changed := slices.DeleteFunc(slices.Clone(p.changed), func(name string) bool { return slices.Contains(derived, name) })
	if !slices.Equal(changed, attributes) {
		return fmt.Errorf("the plan is to update %q, and not %q", changed, attributes)
	}
	if len(p.unknown) > 0 {
		return fmt.Errorf("the plan does not know %q", p.unknown)
	}
	return nil
}

// hasUnknown tells where a plan knows one of these attributes: then a test with
// unknown values tests nothing.
func (p plannedChange) hasUnknown(attributes []string) error {
	for _, name := range attributes {
		if !slices.Contains(p.unknown, name) {
			return fmt.Errorf("%s is known in the plan", name)
		}
	}
	return nil
}

// planCheck is a function as a plan check. It is given what is planned for the
// object of a number.
type planCheck func(planned func(i int) plannedChange) error

// before makes it the check of the plan that is then applied.
func (check planCheck) before(row acceptance) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{rowPlanCheck{row, check}}}
}

type rowPlanCheck struct {
	row   acceptance
	check planCheck
}

// CheckPlan implements plancheck.PlanCheck.
func (c rowPlanCheck) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	resp.Error = c.check(func(i int) plannedChange { return plannedOf(req, c.row.address(i)) })
}

// unknowns makes values that are not known before they are applied, of values
// that are.
type unknowns struct {
	generation int
	// resources is what the values come from.
	resources string
}

func (u *unknowns) value(label, known string) string {
	input, output := known, "terraform_data."+label+".output"
	if known == "" {
		// The output of null is known. The ID is not.
		input, output = "null", "terraform_data."+label+".id == \"\" ? \"\" : null"
	}
	u.resources += fmt.Sprintf("\nresource \"terraform_data\" %q {\n  triggers_replace = %d\n  input = %s\n}\n", label, u.generation, input)
	return output
}

// foreign is what others put into the stored objects: fields that no type here
// knows, at each level, and an annotation.
var foreign = []edit{
	set("futureField", `"x"`),
	set("metadata.futureField", `{"a":[1]}`),
	set("spec.futureField", `{"a":[{"b":null}]}`),
	set("metadata.annotations.another-tool", `"was here"`),
}

// testLife takes all objects through all that is planned and applied.
func testLife(t *testing.T, row acceptance) {
	etcd := row.newEtcd(t)
	before := etcd.Keys(t, row.keyPrefix())
	objects, derived := row.objects(), row.derived(t)
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
		all := etcdBlock(at(etcd.Endpoints...))
		for _, o := range objects {
			all += row.block(t, o.number, attributes(o))
		}
		return all + others
	}
	allUnknown := func(u *unknowns, names ...string) string {
		attributes := map[string]string{}
		for _, name := range append(slices.Collect(maps.Keys(row.config)), names...) {
			known, ok := row.config[name]
			if !ok {
				known = row.identityOf(unknown)[name]
			}
			attributes[name] = u.value("all_"+name, numbered(known, unknown))
		}
		return row.block(t, unknown, attributes)
	}

	// Each attribute alone is unknown when its object is created, too.
	creating := &unknowns{}
	create := configuration("", func(o object) map[string]string {
		attributes := maps.Clone(row.config)
		for _, name := range o.attributes() {
			attributes[name] = creating.value(fmt.Sprintf("object%d_%s", o.number, name), numbered(row.config[name], o.number))
		}
		return attributes
	})
	var others string
	if !row.single() {
		others = allUnknown(creating, slices.Collect(maps.Keys(row.identityOf(unknown)))...) + row.block(t, minimal, row.minimalConfig())
	}
	others += creating.resources
	create += others

	respelled := configuration(others, func(o object) map[string]string {
		attributes := maps.Clone(row.config)
		for _, s := range o.spellings {
			if s.value != "" {
				attributes[s.attribute] = s.value
			}
		}
		return attributes
	})

	changing := &unknowns{generation: 1}
	others = ""
	if !row.single() {
		others = allUnknown(changing) + row.block(t, minimal, with(row.minimalConfig(), map[string]string{"name": strconv.Quote(row.nameOf(renamed))}))
	}
	others += changing.resources
	change := configuration(others, func(o object) map[string]string {
		values, _, _ := o.changed()
		return with(row.config, values)
	})
	wantChanged := func() {
		for _, o := range objects {
			_, stored, _ := o.changed()
			if row.replaced(o) {
				row.wantObject(t, etcd, o.number, apply(t, row.stored, stored...), nil)
				continue
			}
			row.wantObject(t, etcd, o.number, apply(t, row.stored, append(stored, foreign...)...), created[o.number])
		}
		if !row.single() {
			row.wantObject(t, etcd, unknown, row.stored, nil)
			etcd.MustGet(t, row.keyOf(renamed))
			if _, found := etcd.Get(t, row.keyOf(minimal)); found {
				t.Errorf("%s is still there after the change of its name", row.keyOf(minimal))
			}
		}
	}
	// changes tells where a plan does not make, or restore, the changes of an object.
	changes := func(o object, p plannedChange) error {
		if row.replaced(o) {
			return p.does("delete create")
		}
		return p.updatesJust(o.attributes(), derived)
	}
	// each is a check of the plan for each of the objects.
	each := func(errs []error, planned func(int) plannedChange, check func(o object, p plannedChange) error) error {
		for _, o := range objects {
			if err := check(o, planned(o.number)); err != nil {
				errs = append(errs, fmt.Errorf("%s (%q): %w", row.address(o.number), o.attributes(), err))
			}
		}
		return errors.Join(errs...)
	}
	configurable := slices.Collect(maps.Keys(row.config))

	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: inProcess(nil),
		CheckDestroy: func(*terraform.State) error {
			if left := etcd.Keys(t, row.keyPrefix()); !slices.Equal(left, before) {
				t.Errorf("there are the keys %q after the destroy, and before there were %q", left, before)
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
					if !row.single() {
						errs = append(errs, planned(unknown).does("create"), planned(unknown).hasUnknown(append(configurable, "name")), planned(minimal).does("create"))
					}
					return each(errs, planned, func(o object, p plannedChange) error {
						return errors.Join(p.does("create"), p.hasUnknown(o.attributes()))
					})
				}).before(row),
				Check: func(state *terraform.State) error {
					row.addGiven(given, state)
					for _, o := range objects {
						row.wantObject(t, etcd, o.number, row.stored, created[o.number])
					}
					if !row.single() {
						row.wantObject(t, etcd, unknown, row.stored, nil)
						etcd.MustGet(t, row.keyOf(minimal))
					}
					return nil
				},
			},
			{
				ResourceName:      row.address(0),
				ImportState:       true,
				ImportStateId:     row.importIDOf(0),
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
							row.edit(t, etcd, o.number, s.stored...)
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
						row.edit(t, etcd, o.number, foreign...)
					}
				},
				Config: change,
				ConfigPlanChecks: planCheck(func(planned func(int) plannedChange) error {
					var errs []error
					if !row.single() {
						// A value that is not known may be one that takes a new object.
						action := "update"
						if len(row.replaces) > 0 {
							action = "delete create"
						}
						errs = append(errs, planned(unknown).does(action), planned(unknown).hasUnknown(configurable), planned(minimal).does("delete create"))
					}
					return each(errs, planned, changes)
				}).before(row),
				Check: func(state *terraform.State) error {
					row.addGiven(given, state)
					row.wantEveryAttribute(t, given)
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
						row.edit(t, etcd, o.number, drift...)
					}
					if !row.single() {
						etcd.Delete(t, row.keyOf(renamed))
					}
				},
				Config: change,
				ConfigPlanChecks: planCheck(func(planned func(int) plannedChange) error {
					var errs []error
					if !row.single() {
						errs = append(errs, planned(unknown).does("no-op"), planned(minimal).does("create"))
					}
					return each(errs, planned, changes)
				}).before(row),
				Check: func(*terraform.State) error {
					wantChanged()
					return nil
				},
			},
		},
	})
}

var stateIndex = regexp.MustCompile(`\.\d+(\.|$)`)

// addGiven adds the attributes that have a value in one of the row's objects at
// least, however deep they are nested.
func (a acceptance) addGiven(given map[string]bool, state *terraform.State) {
	for _, module := range state.Modules {
		for _, r := range module.Resources {
			if r.Type != a.typeName {
				continue
			}
			for key, value := range r.Primary.Attributes {
				// "port.0.name", "port.#" with the number of elements: 0 is a block
				// that is not there.
				number, counted := strings.CutSuffix(key, ".#")
				if counted && value == "0" {
					continue
				}
				key = number
				key, _ = strings.CutSuffix(key, ".%")
				for stateIndex.MatchString(key) {
					key = stateIndex.ReplaceAllString(key, "$1")
				}
				if root, rest, nested := strings.Cut(key, "."); nested && a.sameAs[root] != "" {
					given[root], key = true, a.sameAs[root]+"."+rest
				}
				for key != "" {
					given[key] = true
					key = key[:max(0, strings.LastIndexByte(key, '.'))]
				}
			}
		}
	}
}

// wantEveryAttribute holds that each attribute and block that can be configured was
// given.
func (a acceptance) wantEveryAttribute(t *testing.T, given map[string]bool) {
	t.Helper()
	var look func(at string, attributes map[string]described)
	look = func(at string, attributes map[string]described) {
		for name, attribute := range attributes {
			if !given[at+name] {
				t.Errorf("no object of the row has the attribute %s%s", at, name)
			}
			if a.sameAs[at+name] == "" {
				look(at+name+".", nestedAttributes(t, attribute))
			}
		}
	}
	look("", a.configurable(t))
}

// configurable are the attributes and blocks that a configuration may have.
func (a acceptance) configurable(t *testing.T) map[string]described {
	t.Helper()
	s := resourceSchemas(t)[a.typeName]
	configurable := inside(s.Attributes, s.Blocks)
	maps.DeleteFunc(configurable, func(name string, _ described) bool {
		attribute, ok := s.Attributes[name]
		return ok && !attribute.IsOptional() && !attribute.IsRequired()
	})
	return configurable
}

// testRowIsComplete holds that a row has a change of each attribute and block, and
// that what is left of the schema is known to be computed.
func testRowIsComplete(t *testing.T, row acceptance) {
	var configurable []string
	for name := range row.configurable(t) {
		if row.identityOf(0)[name] == "" {
			configurable = append(configurable, name)
		}
	}
	for _, name := range row.derived(t) {
		if name != "object" && name != "rule_drift" {
			t.Errorf("%s is computed, and has no test", name)
		}
	}
	slices.Sort(configurable)
	if got := slices.Sorted(maps.Keys(row.config)); !slices.Equal(got, configurable) {
		t.Errorf("config has %q, the schema %q", got, configurable)
	}
	if got := (object{changes: row.changes}).attributes(); !slices.Equal(got, configurable) {
		t.Errorf("there are changes of %q, the schema has %q", got, configurable)
	}
	for _, c := range row.changes {
		if len(c.stored) == 0 || len(c.drift) == 0 {
			t.Errorf("the change of %s has nothing stored, or no drift", c.attribute)
		}
	}
	for _, i := range row.invalid {
		if len(i.says) == 0 || i.path == "" && i.release == "" {
			t.Errorf("%s is refused on any attribute with any text", i.name)
		}
	}
}

// interference is what somebody else does to an object between the plan and the
// apply.
type interference struct {
	name string
	// before and after tell whether the object is in the configuration, and so
	// in the datastore, before the apply and after it.
	before, after bool
	// by does it, to what is stored: "" is nothing, before and after.
	by func(value string) string
	// says is what the error tells, beside the key; nil where the apply succeeds.
	says []string
	// unreadable is true for what a plan refuses too.
	unreadable bool
}

// unreadable is what is told of a value that cannot be read.
var unreadable = []string{"not a valid object", "left as it is"}

// interferences uses the first two changes of a row: Terraform makes the first,
// the other one the second.
func (a acceptance) interferences(t *testing.T) []interference {
	same := func(value string) string { return value }
	other := func(value string) string { return apply(t, value, a.changes[1].stored...) }
	gone := func(string) string { return "" }
	corrupt := func(string) string { return `{"kind":` }
	another := "Profile"
	if a.typeName == "calico_profile" {
		another = "Tier"
	}
	otherKind := func(value string) string { return apply(t, value, set("kind", strconv.Quote(another))) }
	reordered := func(value string) string { return apply(t, value) + "\n" }
	exists := func(string) string {
		return apply(t, a.stored, set("metadata.uid", `"5e1b7a0f-7a3f-4d0e-9a44-3f4f8d0c1b2a"`), set("metadata.creationTimestamp", `"2024-01-02T03:04:05Z"`))
	}
	// A path of the change, up to an index: a list may be told as a whole.
	path, _, _ := strings.Cut(a.changes[1].stored[0].path, "[")
	changed := []string{"changed by somebody else", "Nothing was written", path, " -> "}
	return []interference{
		{name: "created by somebody else", after: true, by: exists, says: []string{
			"exists already", "nothing was changed", "terraform import '" + a.typeName + ".NAME' 'OBJECT'",
			"import {\n    to = " + a.typeName + ".NAME\n    id = \"OBJECT\"\n  }"}},
		{name: "something unreadable in its place", after: true, by: corrupt, says: []string{"exists already"}},
		{name: "changed before an update", before: true, after: true, by: other, says: changed},
		{name: "rewritten before an update", before: true, after: true, by: same},
		{name: "reordered before an update", before: true, after: true, by: reordered},
		{name: "deleted before an update", before: true, after: true, by: gone, says: []string{"deleted by somebody else", "Nothing was written"}},
		{name: "corrupted before an update", before: true, after: true, by: corrupt, says: unreadable, unreadable: true},
		{name: "another kind before an update", before: true, after: true, by: otherKind, says: []string{"Nothing was written", another}, unreadable: true},
		{name: "changed before a delete", before: true, by: other, says: changed},
		{name: "rewritten before a delete", before: true, by: same},
		{name: "reordered before a delete", before: true, by: reordered},
		{name: "deleted before a delete", before: true, by: gone},
		{name: "corrupted before a delete", before: true, by: corrupt, says: unreadable, unreadable: true},
		{name: "another kind before a delete", before: true, by: otherKind, says: []string{"Nothing was written", another}, unreadable: true},
	}
}

// testInterference has somebody else write to the same objects between the plan
// and the apply: what was reviewed is what is applied, or nothing.
func testInterference(t *testing.T, row acceptance) {
	all := row.interferences(t)
	if !row.single() {
		row.interfere(t, all)
		return
	}
	// One run for each is long: these are what differs in what is done.
	for _, name := range []string{"created by somebody else", "changed before an update", "changed before a delete"} {
		i := slices.IndexFunc(all, func(one interference) bool { return one.name == name })
		row.interfere(t, all[i:i+1])
	}
}

func (a acceptance) interfere(t *testing.T, all []interference) {
	etcd := a.newEtcd(t)
	change := with(a.config, map[string]string{a.changes[0].attribute: a.changes[0].value})
	before, after := etcdBlock(at(etcd.Endpoints...)), etcdBlock(at(etcd.Endpoints...))
	for i, one := range all {
		if one.before {
			before += a.block(t, i, a.config)
		}
		if one.after {
			after += a.block(t, i, change)
		}
	}
	w := newWorkspace(t, before)
	succeed(t, w, "apply")
	rewrite(t, w, after)
	succeed(t, w, "plan", "-out=plan")
	written, values := make([]int64, len(all)), make([]string, len(all))
	for i, one := range all {
		value, _ := etcd.Get(t, a.keyOf(i))
		if values[i] = numbered(one.by(value.Value), i); values[i] == "" {
			etcd.Delete(t, a.keyOf(i))
		} else {
			written[i] = etcd.Put(t, a.keyOf(i), values[i])
		}
	}
	applied := run(t, w, "apply", "plan")

	for i, one := range all {
		errs := applied.naming(a.keyOf(i))
		got, found := etcd.Get(t, a.keyOf(i))
		if len(one.says) == 0 {
			if len(errs) > 0 {
				t.Errorf("%s: %v", one.name, errs)
			}
			if one.after {
				a.wantObject(t, etcd, i, apply(t, a.stored, a.changes[0].stored...), nil)
			} else if found {
				t.Errorf("%s: there is still %s", one.name, got.Value)
			}
			continue
		}
		if len(errs) != 1 {
			t.Errorf("%s: there are %d errors that name %s: %v", one.name, len(errs), a.keyOf(i), applied.diagnostics)
			continue
		}
		for _, text := range one.says {
			errs[0].says(t, strings.ReplaceAll(text, "OBJECT", a.importIDOf(i)))
		}
		if got.Value != values[i] || got.Revision != written[i] {
			t.Errorf("%s: what was there was overwritten by %q", one.name, got.Value)
		}
	}

	// What cannot be read is told by a plan as well, and left alone by it.
	stored := etcd.Prefix(t, a.keyPrefix())
	plan := run(t, w, "plan")
	for i, one := range all {
		if !one.unreadable {
			continue
		}
		errs := plan.naming(a.keyOf(i))
		if len(errs) != 1 {
			t.Errorf("%s: a plan has %d errors that name %s: %v", one.name, len(errs), a.keyOf(i), plan.diagnostics)
			continue
		}
		for _, text := range unreadable {
			errs[0].says(t, text)
		}
	}
	if diff := gocmp.Diff(stored, etcd.Prefix(t, a.keyPrefix())); diff != "" {
		t.Errorf("a plan has written (-before +after):\n%s", diff)
	}
}

// naming returns the errors that name the key.
func (o outcome) naming(key string) []diagnostic {
	named := regexp.MustCompile(regexp.QuoteMeta(key) + `([^\w-]|$)`)
	return slices.DeleteFunc(o.of("error"), func(d diagnostic) bool { return !named.MatchString(d.Detail) })
}

// testImportByIdentity imports what somebody else has made.
func testImportByIdentity(t *testing.T, row acceptance) {
	etcd := row.newEtcd(t)
	value := apply(t, numbered(row.stored, 0), set("metadata.uid", `"5e1b7a0f-7a3f-4d0e-9a44-3f4f8d0c1b2a"`), set("metadata.creationTimestamp", `"2024-01-02T03:04:05Z"`))
	written := etcd.Put(t, row.keyOf(0), value)
	identity := ""
	for name, value := range row.identityOf(0) {
		identity += "    " + name + " = " + value + "\n"
	}
	w := acctest.NewWorkspaceWith(t, acctest.IdentityCLI(t), map[string]string{"main.tf": withProviders(
		etcdBlock(at(etcd.Endpoints...)), row.block(t, 0, row.config),
		"import {\n  to = "+row.address(0)+"\n  identity = {\n"+identity+"  }\n}\n",
	)})
	const want = "Resources: 1 imported, 0 added, 0 changed, 0 destroyed."
	if out := w.MustRun(t, "apply", "-auto-approve"); !strings.Contains(out, want) {
		t.Errorf("apply does not say %q:\n%s", want, out)
	}
	if got := etcd.MustGet(t, row.keyOf(0)); got.Revision != written {
		t.Errorf("an import has written %s", got.Value)
	}
}

// testInvalid has all invalid configurations refused at once.
func testInvalid(t *testing.T, row acceptance) {
	etcd := row.newEtcd(t)
	before := etcd.Keys(t, row.keyPrefix())
	var steps []resource.TestStep
	told := &diagnoses{row: row, byName: map[string][]*tfprotov6.Diagnostic{}}
	// What is refused without a plan keeps the rest from being planned, and what
	// is told depends on the release.
	type group struct {
		plan    bool
		release string
	}
	groups := map[group]string{}
	for i, test := range row.invalid {
		g := group{test.plan || test.release != "", test.release}
		groups[g] += row.block(t, i, with(row.minimalConfig(), test.set))
	}
	for g, blocks := range groups {
		arguments := inEtcd(at(etcd.Endpoints...))
		if g.release != "" {
			arguments = text("calico_version", g.release) + "\n" + arguments
		}
		steps = append(steps, resource.TestStep{Config: block(arguments) + blocks, PlanOnly: true, ExpectError: regexp.MustCompile("Error: ")})
	}
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: inProcess(told), Steps: steps})

	for i, test := range row.invalid {
		name := row.nameOf(i)
		if given := test.set["name"]; given != "" {
			unquoted, err := strconv.Unquote(numbered(given, i))
			if err != nil {
				t.Fatal(err)
			}
			name = unquoted
		}
		fits := slices.ContainsFunc(told.byName[name], func(d *tfprotov6.Diagnostic) bool {
			return attributePath(d.Attribute) == test.path && !slices.ContainsFunc(test.says, func(text string) bool {
				return !strings.Contains(d.Detail, text)
			})
		})
		others := slices.ContainsFunc(told.byName[name], func(d *tfprotov6.Diagnostic) bool {
			return d.Severity == tfprotov6.DiagnosticSeverityError && !strings.HasPrefix(attributePath(d.Attribute), test.path)
		})
		if !fits || others && !row.single() {
			var got strings.Builder
			for _, d := range told.byName[name] {
				fmt.Fprintf(&got, "\non %s: %s\n%s\n", attributePath(d.Attribute), d.Summary, d.Detail)
			}
			t.Errorf("%s: the error is not on %s alone with %q:%s", test.name, test.path, test.says, got.String())
		}
	}
	if written := etcd.Keys(t, row.keyPrefix()); !slices.Equal(written, before) {
		t.Errorf("there are the keys %q, and before there were %q", written, before)
	}
}

// attributePath writes such as "ports[0].name".
func attributePath(p *tftypes.AttributePath) string {
	var b strings.Builder
	for _, step := range p.Steps() {
		switch step := step.(type) {
		case tftypes.AttributeName:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(string(step))
		case tftypes.ElementKeyInt:
			fmt.Fprintf(&b, "[%d]", int(step))
		case tftypes.ElementKeyString:
			fmt.Fprintf(&b, "[%s]", string(step))
		default:
			b.WriteString("[...]")
		}
	}
	return b.String()
}

// diagnoses keeps what the provider tells of the objects of a row, by their names:
// the CLI shows no more of an error's path than the attribute.
type diagnoses struct {
	row acceptance

	mu     sync.Mutex
	byName map[string][]*tfprotov6.Diagnostic
}

func (d *diagnoses) add(config *tfprotov6.DynamicValue, typ tftypes.Type, told []*tfprotov6.Diagnostic) error {
	value, err := config.Unmarshal(typ)
	if err != nil {
		return err
	}
	var attributes map[string]tftypes.Value
	if err := value.As(&attributes); err != nil {
		return err
	}
	var name string
	if err := attributes["name"].As(&name); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byName[name] = append(d.byName[name], told...)
	return nil
}

// inProcess runs the provider in the process of the test; told, where it is
// given, gets to know what it tells of its resources.
func inProcess(told *diagnoses) map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){"calico": func() (tfprotov6.ProviderServer, error) {
		server, err := providerserver.NewProtocol6WithError(provider.New("test")())()
		if err != nil || told == nil {
			return server, err
		}
		return listener{server, told}, nil
	}}
}

// listener is a provider that is listened to.
type listener struct {
	tfprotov6.ProviderServer
	told *diagnoses
}

func (l listener) resourceType(ctx context.Context) (tftypes.Type, error) {
	response, err := l.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return nil, err
	}
	return response.ResourceSchemas[l.told.row.typeName].ValueType(), nil
}

// ValidateResourceConfig implements tfprotov6.ResourceServer.
func (l listener) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	response, err := l.ProviderServer.ValidateResourceConfig(ctx, req)
	if err != nil {
		return nil, err
	}
	typ, err := l.resourceType(ctx)
	if err != nil {
		return nil, err
	}
	return response, l.told.add(req.Config, typ, response.Diagnostics)
}

// PlanResourceChange implements tfprotov6.ResourceServer.
func (l listener) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	response, err := l.ProviderServer.PlanResourceChange(ctx, req)
	if err != nil {
		return nil, err
	}
	typ, err := l.resourceType(ctx)
	if err != nil {
		return nil, err
	}
	return response, l.told.add(req.Config, typ, response.Diagnostics)
}
