package acceptance

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// row is what the tests need to know of a resource. In all of its texts
// {i} is the number of the object, from 0: a row whose name has no {i} is of a
// kind that has one object only.
type row struct {
	// typeName is such as "calico_host_endpoint".
	typeName string
	kind     calico.Kind
	// name is the object's name.
	name string
	// namespace is that of the object; "" for a kind without.
	namespace string
	// release is that of the datastore, for a kind of which acctest.UsualRelease does
	// not know all that there is; "" for acctest.UsualRelease. How other releases store
	// an object is what the conformance and upgrade tests are about.
	release string
	// needs are the objects that must be there before.
	needs []string
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
	// stored is the object that config becomes, as a manifest in JSON.
	stored string
	// changes are one for each attribute of config.
	changes []change
	// together has, by the attribute of a change, the other attributes that must
	// change with it, and their new values.
	together map[string]map[string]string
	// replaces names the attributes whose change takes a new object.
	replaces []string
	// spellings are other ways to say what config says.
	spellings []spelling
	// invalid are configurations that are refused.
	invalid []invalid
	// only names the tests of tests that are for the row; nil for all.
	only []string
	// notOnKubernetes says why the row cannot hold on Kubernetes by nature, and what is
	// tested there in place of it; "" if it does.
	notOnKubernetes string
	// newer has what is left out of the row of an older release: see row.of. It is nil in
	// the row itself.
	newer newerFields
}

// has tells whether a test of tests is for the row.
func (r row) has(test string) bool { return r.only == nil || slices.Contains(r.only, test) }

// change is another value of one attribute.
type change struct {
	attribute string
	// value is the new value as HCL, and stored what it changes in what is
	// stored of config.
	value  string
	stored []edit
	// drift is what somebody changes behind Terraform's back, in the object that
	// stored has made, in what is the attribute's.
	drift []edit
}

// spelling is another spelling: of the attribute in the configuration,
// or of what is stored.
type spelling struct {
	attribute string
	value     string
	stored    []edit
	// lax is true for what is stored in a way that the schemas of v3.32 do not allow: it
	// is read all the same where there are none.
	lax bool
}

// invalid is a configuration that is refused: the one of minimal with
// other values.
type invalid struct {
	name string
	// set has the values, as HCL; "" leaves an attribute out.
	set map[string]string
	// path is the attribute that the error is on, such as "port[0].name".
	path string
	// says is what the error tells; one of it is what to write instead.
	says []string
	// plan is true for what is told by a plan only, since it depends on the release.
	plan bool
	// release is the one that refuses it, if it is not the row's.
	release string
}

// single tells a kind that has one object only.
func (r row) single() bool { return !strings.Contains(r.name, "{i}") }

func numbered(text string, i int) string { return strings.ReplaceAll(text, "{i}", strconv.Itoa(i)) }

// world makes a world in which objects of the row can be made.
func (r row) world(t *testing.T, in newWorld) world {
	t.Helper()
	return in(t, contents{cmp.Or(r.release, acctest.UsualRelease), []calico.Kind{r.kind}, r.needs})
}

// idOf returns the ID of object i.
func (r row) idOf(i int) calico.ID {
	return calico.ID{Kind: r.kind, Namespace: r.namespace, Name: r.nameOf(i)}
}

// nameOf returns the name of object i.
func (r row) nameOf(i int) string { return numbered(r.name, i) }

// importIDOf returns what `terraform import` takes for object i.
func (r row) importIDOf(i int) string {
	if r.namespace != "" {
		return r.namespace + "/" + r.nameOf(i)
	}
	return r.nameOf(i)
}

// identityOf returns what names object i, as HCL.
func (r row) identityOf(i int) map[string]string {
	identity := map[string]string{"name": strconv.Quote(r.nameOf(i))}
	if r.namespace != "" {
		identity["namespace"] = strconv.Quote(r.namespace)
	}
	return identity
}

// address is where object i is in the configuration.
func (r row) address(i int) string { return fmt.Sprintf("%s.object%d", r.typeName, i) }

// block writes object i as HCL, with blocks where the schema has them.
func (r row) block(t *testing.T, i int, attributes map[string]string) string {
	t.Helper()
	blocks := resourceSchemas(t)[r.typeName].Blocks
	var b strings.Builder
	fmt.Fprintf(&b, "\nresource %q \"object%d\" {\n", r.typeName, i)
	attributes = acctest.With(r.identityOf(i), attributes)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		value := numbered(attributes[name], i)
		switch block, ok := blocks[name]; {
		case value == "":
		case ok:
			b.WriteString(asBlocks(t, name, r.newer.cutBlock(t, name, block), value))
		default:
			fmt.Fprintf(&b, "  %s = %s\n", name, value)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

func (r row) minimalConfig() map[string]string {
	attributes := map[string]string{}
	for _, name := range r.minimal {
		attributes[name] = r.config[name]
	}
	return attributes
}

// derived names the attributes that are functions of others.
func (r row) derived(t *testing.T) []string {
	t.Helper()
	var names []string
	for name, attribute := range resourceSchemas(t)[r.typeName].Attributes {
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
	changes   []change
	together  map[string]map[string]string
	spellings []spelling
}

// objects deals out the changes and spellings, one each to each object; if
// there is only one, it gets all.
func (r row) objects() []object {
	if r.single() {
		return []object{{changes: r.changes, together: r.together, spellings: r.spellings}}
	}
	all := make([]object, max(len(r.changes), len(r.spellings)))
	for i := range all {
		all[i].number, all[i].together = i, r.together
		// Each has a change: there may be more spellings.
		c := i % len(r.changes)
		all[i].changes = r.changes[c : c+1]
		if i < len(r.spellings) {
			all[i].spellings = r.spellings[i : i+1]
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
