package acceptance

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// testInvalid has all invalid configurations refused at once.
func testInvalid(t *testing.T, r row, in newWorld) {
	w := r.world(t, in)
	before := w.versions(t, r.kind)
	var steps []resource.TestStep
	told := &diagnoses{row: r, byName: map[string][]*tfprotov6.Diagnostic{}}
	// What is refused without a plan keeps the rest from being planned, and what
	// is told depends on the release.
	type group struct {
		plan    bool
		release string
	}
	groups := map[group]string{}
	for i, test := range r.invalid {
		g := group{test.plan || test.release != "", test.release}
		groups[g] += r.block(t, i, acctest.With(r.minimalConfig(), test.set))
	}
	for g, blocks := range groups {
		var arguments []string
		if g.release != "" {
			arguments = []string{acctest.Text("calico_version", g.release)}
		}
		steps = append(steps, resource.TestStep{Config: w.provider(arguments...) + blocks, PlanOnly: true, ExpectError: regexp.MustCompile("Error: ")})
	}
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: inProcess(w, told), Steps: steps})

	for i, test := range r.invalid {
		name := r.nameOf(i)
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
		if !fits || others && !r.single() {
			var got strings.Builder
			for _, d := range told.byName[name] {
				fmt.Fprintf(&got, "\non %s: %s\n%s\n", attributePath(d.Attribute), d.Summary, d.Detail)
			}
			t.Errorf("%s: the error is not on %s alone with %q:%s", test.name, test.path, test.says, got.String())
		}
	}
	if now := w.versions(t, r.kind); !maps.Equal(now, before) {
		t.Errorf("there are %v, and before there were %v", now, before)
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
	row row

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

// inProcess runs the provider in the process of the test; told, if it is given, gets to
// know what it tells of its resources.
func inProcess(w world, told *diagnoses) map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){"calico": func() (tfprotov6.ProviderServer, error) {
		server, err := w.server()
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
