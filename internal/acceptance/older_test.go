package acceptance

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
)

// olderWorlds are of releases that do not know all that there is in the rows: their rows
// are those of row.of.
var olderWorlds = map[string]newWorld{
	"kubernetes v3.28.5": newKubernetesWorld(acctest.CRDs328),
	"kubernetes v3.31.0": newKubernetesWorld(acctest.CRDs331),
	aggregated:           newKubernetesWorld(acctest.AggregatedCRDs),
}

// aggregated is the world in which the provider goes through Calico's own API server.
const aggregated = "kubernetes v3.31.0 aggregated"

// inAggregated are the tests that are made there. It is the same code that writes what the
// other worlds have: these are what is different of Calico's API server.
var inAggregated = map[string][]string{
	"calico_host_endpoint":                {"life", "interference"},
	"calico_global_network_policy":        {"life"},
	"calico_network_policy":               {"import by identity"},
	"calico_network_set":                  {"life"},
	"calico_staged_global_network_policy": {"import by identity"},
	"calico_tier":                         {"life"},
	"calico_ip_pool":                      {"life"},
	"calico_felix_configuration":          {"import by identity"},
}

// releaseOf is the release of one of olderWorlds.
func releaseOf(world string) string { return strings.Fields(world)[1] }

// of returns the row of an older release, and what it leaves out, each with the reason.
// What the release does not know is for package validate to say, by which a plan refuses
// it, too. ok is false if nothing is left.
func (r row) of(t *testing.T, release string) (older row, left []string, ok bool) {
	t.Helper()
	parsed, err := calico.ParseRelease(release)
	if err != nil {
		t.Fatal(err)
	}
	if r.notOnKubernetes != "" {
		return r, []string{"all: " + r.notOnKubernetes}, false
	}
	if !r.kind.KnownIn(parsed) {
		return r, []string{fmt.Sprintf("all: Calico %s has no kind %s", release, r.kind)}, false
	}
	newer := newerFields{}
	r.release, r.newer = release, newer
	r.needs = slices.DeleteFunc(slices.Clone(r.needs), func(object string) bool { return !idOf(t, object).Kind.KnownIn(parsed) })
	left = r.ofTier(t, parsed)
	for i, c := range r.changes {
		if c.attribute == "staged_action" && !parsed.AtLeast(3, 32, 0) {
			// Set is what it means without, and what is not written down before v3.32.
			r.changes[i].stored = []edit{remove("spec.stagedAction")}
		}
	}

	refused := func(text string) (errs calico.FieldErrors) {
		obj, err := storage.ParseManifest(newer.cutJSON(t, "", numbered(text, 0)))
		if err != nil {
			t.Fatal(err)
		}
		calico.Default(obj, parsed)
		return validate.Validate(obj, parsed)
	}
	for found := true; found; {
		found = false
		for _, text := range append([]string{r.stored}, r.changed(t)...) {
			for _, err := range refused(text) {
				if strings.Contains(err.Reason, "came with") {
					left = append(left, newer.add(t, r.kind, err))
					found = true
				}
			}
		}
	}
	if errs := refused(r.stored); len(errs) > 0 {
		t.Fatalf("%s: Calico %s refuses more of it: %v", r.typeName, release, errs)
	}
	was := r
	r.config, r.stored, r.changes, r.spellings, r.together = newer.cutAll(t, r.config), newer.cutJSON(t, "", r.stored), nil, nil, map[string]map[string]string{}
	for _, c := range was.changes {
		if newer.has(c.attribute) {
			continue
		}
		if errs := refused(apply(t, was.stored, c.stored...)); len(errs) > 0 {
			left = append(left, fmt.Sprintf("the change of %s: %v", c.attribute, errs.Err()))
			continue
		}
		c.value, c.stored, c.drift = newer.cutHCL(t, c.attribute, c.value), newer.cutEdits(t, c.stored), newer.cutEdits(t, c.drift)
		if len(c.drift) == 0 {
			left = append(left, fmt.Sprintf("the change of %s: its drift is in what is left out", c.attribute))
			continue
		}
		r.changes = append(r.changes, c)
		r.together[c.attribute] = newer.cutAll(t, was.together[c.attribute])
	}
	for _, s := range was.spellings {
		if !newer.has(s.attribute) {
			s.value, s.stored = newer.cutHCL(t, s.attribute, s.value), newer.cutEdits(t, s.stored)
			r.spellings = append(r.spellings, s)
		}
	}
	return r, left, true
}

// ofTier makes the tier of a policy that of an older release. Up to v3.28 there are none,
// and up to v3.31 the tier is a part of the name, which no update changes.
func (r *row) ofTier(t *testing.T, release calico.Release) (left []string) {
	t.Helper()
	if !tiered(r.kind) {
		return nil
	}
	r.config, r.changes = maps.Clone(r.config), slices.DeleteFunc(slices.Clone(r.changes), func(c change) bool { return c.attribute == "tier" })
	if !release.AtLeast(3, 29, 0) {
		delete(r.config, "tier")
		r.stored = apply(t, r.stored, remove("spec.tier"))
		return []string{"tier: there are no tiers"}
	}
	tier, err := strconv.Unquote(r.config["tier"])
	if err != nil {
		t.Fatal(err)
	}
	if tier != "default" {
		r.name = tier + "." + r.name
		r.stored = apply(t, r.stored, set("metadata.name", strconv.Quote(r.name)))
		r.minimal = append(slices.Clone(r.minimal), "tier")
	}
	return []string{"the change of tier: a policy of another tier has another name"}
}

// changed are the objects that the changes make.
func (r row) changed(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, c := range r.changes {
		all = append(all, apply(t, r.stored, c.stored...))
	}
	return all
}

// newerFields are fields that a release does not know, by their paths without indexes:
// as they are stored ("spec.exportV4.peerType"), and as attributes ("export_v4.peer_type").
type newerFields map[string]bool

// has tells whether a field is newer, or one that it is in.
func (n newerFields) has(path string) bool {
	for {
		if n[path] {
			return true
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return false
		}
		path = path[:i]
	}
}

// under tells whether there is a newer field in what is at a path.
func (n newerFields) under(path string) bool {
	for field := range n {
		if strings.HasPrefix(field, path+".") {
			return true
		}
	}
	return false
}

// add adds the field of an error. It returns what is left out, and why.
func (n newerFields) add(t *testing.T, kind calico.Kind, err *calico.FieldError) string {
	t.Helper()
	var stored, attribute []string
	typ := reflect.TypeOf(kind.New()).Elem()
	for _, step := range err.Field.Steps() {
		if step.Field == "" {
			continue
		}
		stored = append(stored, step.Field)
		if len(stored) == 1 {
			typ = codec.SpecOf(kind.New()).Type()
			continue
		}
		i := slices.IndexFunc(codec.FieldsOf(typ), func(f codec.Field) bool { return f.JSONName() == step.Field })
		if stored[0] != "spec" || i < 0 {
			t.Fatalf("%v is on no field that a row can do without", err)
		}
		f := codec.FieldsOf(typ)[i]
		attribute = append(attribute, f.Attribute)
		typ = typ.FieldByIndex(f.Index).Type
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
	}
	n[strings.Join(stored, ".")], n[strings.Join(attribute, ".")] = true, true
	return strings.Join(attribute, ".") + ": " + err.Reason
}

// cutJSON leaves the newer fields out of what is stored at a path.
func (n newerFields) cutJSON(t *testing.T, at, text string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	var cut func(at string, value any)
	cut = func(at string, value any) {
		switch value := value.(type) {
		case fields:
			for name, inner := range value {
				path := strings.TrimPrefix(at+"."+name, ".")
				if n[path] {
					delete(value, name)
				}
				cut(path, inner)
			}
		case []any:
			for _, element := range value {
				cut(at, element)
			}
		}
	}
	cut(at, value)
	return write(t, value)
}

func (n newerFields) cutEdits(t *testing.T, edits []edit) []edit {
	t.Helper()
	var known []edit
	for _, e := range edits {
		var path []string
		for _, step := range strings.FieldsFunc(e.path, func(r rune) bool { return strings.ContainsRune(".[]", r) }) {
			if _, err := strconv.Atoi(step); err != nil {
				path = append(path, step)
			}
		}
		at := strings.Join(path, ".")
		if n.has(at) {
			continue
		}
		if e.value != "" {
			e.value = n.cutJSON(t, at, e.value)
		}
		known = append(known, e)
	}
	return known
}

// cutBlock leaves the newer attributes and blocks out of the schema of a block: a dynamic
// block has all that there is in the schema.
func (n newerFields) cutBlock(t *testing.T, at string, block schema.Block) schema.Block {
	t.Helper()
	if !n.under(at) {
		return block
	}
	attributes, blocks, _ := partsOf(t, block)
	attributes, blocks = maps.Clone(attributes), maps.Clone(blocks)
	maps.DeleteFunc(attributes, func(name string, _ schema.Attribute) bool { return n[at+"."+name] })
	maps.DeleteFunc(blocks, func(name string, _ schema.Block) bool { return n[at+"."+name] })
	for name, inner := range blocks {
		blocks[name] = n.cutBlock(t, at+"."+name, inner)
	}
	switch b := block.(type) {
	case schema.ListNestedBlock:
		b.NestedObject.Attributes, b.NestedObject.Blocks = attributes, blocks
		return b
	case schema.SingleNestedBlock:
		b.Attributes, b.Blocks = attributes, blocks
		return b
	default:
		t.Fatalf("%T", b)
		return nil
	}
}

// cutAll leaves the newer ones out of attributes.
func (n newerFields) cutAll(t *testing.T, attributes map[string]string) map[string]string {
	t.Helper()
	known := map[string]string{}
	for name, value := range attributes {
		if !n.has(name) {
			known[name] = n.cutHCL(t, name, value)
		}
	}
	return known
}

// cutHCL leaves the newer ones out of the value of an attribute.
func (n newerFields) cutHCL(t *testing.T, attribute, value string) string {
	t.Helper()
	if !n.under(attribute) || value == "" {
		return value
	}
	expression, diags := hclsyntax.ParseExpression([]byte(value), attribute, hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%v in %s", diags, value)
	}
	var cut func(at string, e hclsyntax.Expression) string
	cut = func(at string, e hclsyntax.Expression) string {
		var parts []string
		switch e := e.(type) {
		case *hclsyntax.TupleConsExpr:
			for _, element := range e.Exprs {
				parts = append(parts, cut(at, element))
			}
			return "[" + strings.Join(parts, ", ") + "]"
		case *hclsyntax.ObjectConsExpr:
			for _, item := range e.Items {
				key := string(item.KeyExpr.Range().SliceBytes([]byte(value)))
				if path := at + "." + key; !n[path] {
					parts = append(parts, key+" = "+cut(path, item.ValueExpr))
				}
			}
			return "{ " + strings.Join(parts, ", ") + " }"
		default:
			return string(e.Range().SliceBytes([]byte(value)))
		}
	}
	return cut(attribute, expression)
}

// TestRowsOfOlderReleases counts what the older releases are tested with, and what of the
// rows is left out, and tells why.
func TestRowsOfOlderReleases(t *testing.T) {
	t.Parallel()
	type count struct{ rows, attributes, changes, spellings int }
	// What is left out.
	want := map[string]count{
		"kubernetes v3.28.5": {rows: 5, attributes: 62, changes: 64, spellings: 18},
		"kubernetes v3.31.0": {rows: 2, attributes: 20, changes: 25, spellings: 4},
		aggregated:           {rows: 2, attributes: 20, changes: 25, spellings: 4},
	}
	var all count
	for _, r := range rows {
		all.rows++
		all.attributes += len(r.config)
		all.changes += len(r.changes)
		all.spellings += len(r.spellings)
	}
	for world := range olderWorlds {
		var got count
		for _, r := range rows {
			older, left, ok := r.of(t, releaseOf(world))
			for _, what := range left {
				t.Logf("%s: %s is left out: %s", world, r.typeName, what)
			}
			if ok {
				got.rows++
				got.attributes += len(older.config)
				got.changes += len(older.changes)
				got.spellings += len(older.spellings)
			}
		}
		t.Logf("%s: tested are %+v of %+v", world, got, all)
		out := count{all.rows - got.rows, all.attributes - got.attributes, all.changes - got.changes, all.spellings - got.spellings}
		if out != want[world] {
			t.Errorf("%s: left out are %+v, and not %+v", world, out, want[world])
		}
	}
}
