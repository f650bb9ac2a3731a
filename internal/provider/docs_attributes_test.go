package provider_test

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	datasourceschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	fwprovider "github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider"
)

// mayBeLeftOut tells of an attribute or a block whether a configuration can do
// without. A block says so by its validators alone.
func mayBeLeftOut(ctx context.Context, a acctest.Described) bool {
	required := func(description string) bool { return strings.Contains(description, "required") }
	switch a := a.(type) {
	case interface{ IsOptional() bool }:
		return a.IsOptional()
	case interface{ ListValidators() []validator.List }:
		return !slices.ContainsFunc(a.ListValidators(), func(v validator.List) bool { return required(v.Description(ctx)) })
	case interface{ ObjectValidators() []validator.Object }:
		return !slices.ContainsFunc(a.ObjectValidators(), func(v validator.Object) bool { return required(v.Description(ctx)) })
	default:
		return true
	}
}

// wantedInside returns the names of what a block that is there must have. A single
// block says so by a validator: the framework looks for what is required in it even
// where the block is not there.
func wantedInside(ctx context.Context, a acctest.Described) []string {
	block, ok := a.(interface{ ObjectValidators() []validator.Object })
	if !ok {
		return nil
	}
	var names []string
	for _, v := range block.ObjectValidators() {
		if list, ok := strings.CutPrefix(v.Description(ctx), "requires "); ok {
			names = append(names, strings.Split(list, ", ")...)
		}
	}
	return names
}

func dataSourceSchemas(t *testing.T) map[string]datasourceschema.Schema {
	t.Helper()
	ctx := context.Background()
	schemas := map[string]datasourceschema.Schema{}
	for _, newDataSource := range provider.New("test")().DataSources(ctx) {
		d := newDataSource()
		var metadata datasource.MetadataResponse
		d.Metadata(ctx, datasource.MetadataRequest{ProviderTypeName: "calico"}, &metadata)
		var response datasource.SchemaResponse
		d.Schema(ctx, datasource.SchemaRequest{}, &response)
		schemas[metadata.TypeName] = response.Schema
	}
	return schemas
}

func resourceSchemas(t *testing.T) map[string]schema.Schema {
	t.Helper()
	return acctest.ResourceSchemas(t, provider.New("test")())
}

// ruleLists are attributes whose elements are rules. A part of a rule that is
// left out has no default: it matches anything, which the page says once.
var ruleLists = regexp.MustCompile(`^(extra_)?(ingress|egress)\.`)

// TestDocsDescribeEveryAttribute looks for each attribute and block on its page, with
// an example of its value and its default.
func TestDocsDescribeEveryAttribute(t *testing.T) {
	t.Parallel()
	pages := map[string]map[string]acctest.Described{}
	var response fwprovider.SchemaResponse
	provider.New("test")().Schema(t.Context(), fwprovider.SchemaRequest{}, &response)
	pages["docs/index.md"] = acctest.Inside(response.Schema.Attributes, response.Schema.Blocks)
	for name, s := range resourceSchemas(t) {
		pages["docs/resources/"+strings.TrimPrefix(name, "calico_")+".md"] = acctest.Inside(s.Attributes, s.Blocks)
	}
	for name, s := range dataSourceSchemas(t) {
		pages["docs/data-sources/"+strings.TrimPrefix(name, "calico_")+".md"] = acctest.Inside(s.Attributes, s.Blocks)
	}
	for name, attributes := range pages {
		page := readRepositoryFile(t, name)
		var look func(at string, attributes map[string]acctest.Described, wanted []string)
		look = func(at string, attributes map[string]acctest.Described, wanted []string) {
			for attribute, a := range attributes {
				where, text := at+attribute, a.GetMarkdownDescription()
				if !regexp.MustCompile("(?m)^- `" + attribute + "` \\([A-Z][^)]*\\) " + regexp.QuoteMeta(text)).MatchString(page) {
					t.Errorf("%s: there is no line about %s with its description:\n%s", name, where, text)
				}
				// Code in the text, which is an example or all the values that there are.
				if !strings.Contains(text, "`") {
					t.Errorf("%s: %s is described without an example value:\n%s", name, where, text)
				}
				if slices.Contains(wanted, attribute) {
					if !strings.Contains(text, "Required in the block") {
						t.Errorf("%s: that %s is required is not said:\n%s", name, where, text)
					}
				} else if mayBeLeftOut(t.Context(), a) && !ruleLists.MatchString(where) && !strings.Contains(text, "Default: ") && !strings.Contains(text, "Felix's default: ") {
					t.Errorf("%s: %s is described without its default:\n%s", name, where, text)
				}
				look(where+".", acctest.NestedAttributes(t, a), wantedInside(t.Context(), a))
			}
		}
		look("", attributes, nil)
	}
}

var (
	docsLink   = regexp.MustCompile(`\]\(#([^)]+)\)`)
	fileLink   = regexp.MustCompile(`\]\(([^):#]+)\)`)
	docsAnchor = regexp.MustCompile(`<a id="([^"]+)"></a>`)
)

// TestDocsLinksLeadSomewhere follows the links within each page and to other
// files.
func TestDocsLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for name, page := range acctest.Files(t, "docs") {
		anchors := map[string]int{}
		for _, match := range docsAnchor.FindAllStringSubmatch(page, -1) {
			anchors[match[1]]++
		}
		linked := map[string]bool{}
		for _, match := range docsLink.FindAllStringSubmatch(page, -1) {
			linked[match[1]] = true
			if anchors[match[1]] != 1 {
				t.Errorf("docs/%s has %d places called %s, which it links to", name, anchors[match[1]], match[1])
			}
		}
		for anchor := range anchors {
			if !linked[anchor] {
				t.Errorf("docs/%s has a place %s, and no link to it", name, anchor)
			}
		}
		wantLinkedFiles(t, "docs/"+name, page)
	}
	wantLinkedFiles(t, "README.md", readRepositoryFile(t, "README.md"))
}

func wantLinkedFiles(t *testing.T, name, page string) {
	t.Helper()
	root, err := acctest.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range fileLink.FindAllStringSubmatch(page, -1) {
		file := path.Join(path.Dir(name), match[1])
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(file))); err != nil {
			t.Errorf("%s has a link to %s: %v", name, file, err)
		}
	}
}
