package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/spelling"
)

// felixField is an attribute of FelixConfiguration with its field and two values.
type felixField struct {
	attribute, field string
	// hcl is a value that is configured, mine what is stored for it, and theirs
	// another one, which others have stored.
	hcl, mine, theirs string
	// block is true for a block, whose value in hcl is what is in it.
	block bool
}

// configured writes the value into a configuration.
func (f felixField) configured() string {
	if f.block {
		return "  " + f.attribute + " {\n" + f.hcl + "\n  }\n"
	}
	return "  " + f.attribute + " = " + f.hcl + "\n"
}

// felixValues are the attributes whose values are not the first two that their
// descriptions give as examples, or the first and one made of it: as HCL, as
// stored, and as others store it.
var felixValues = map[string][3]string{
	"failsafe_inbound_host_ports":  {`[]`, `[]`, `[{"protocol":"tcp","port":22}]`},
	"failsafe_outbound_host_ports": {`[{ protocol = "TCP", port = 2379, net = "192.0.2.10/32" }]`, `[{"protocol":"TCP","port":2379,"net":"192.0.2.10/32"}]`, `[]`},
	"health_timeout_override":      {"name = \"InternalDataplaneMainLoop\"\ntimeout = \"180s\"", `[{"name":"InternalDataplaneMainLoop","timeout":"3m0s"}]`, `[{"name":"x","timeout":"90s"}]`},
	"route_table_ranges":           {"min = 1\nmax = 250", `[{"min":1,"max":250}]`, `[{"min":5,"max":6}]`},
	"route_table_range":            {"min = 1\nmax = 250", `{"min":1,"max":250}`, `{"min":5,"max":6}`},
	"bpf_conntrack_timeouts":       {"tcp_established = \"2h\"\nudp_timeout = \"Auto\"", `{"tcpEstablished":"2h","udpTimeout":"Auto"}`, `{"icmpTimeout":"5s"}`},
	"bpf_log_filters":              {`{ eth0 = "tcp port 443", weps = "icmp" }`, `{"eth0":"tcp port 443","weps":"icmp"}`, `{"all":"udp"}`},
	"bpf_ctlb_log_filter":          {`"all"`, `"all"`, `"none"`},
	"log_action_rate_limit":        {`"10/minute"`, `"10/minute"`, `"9/hour"`},
	"log_debug_filename_regex":     {`"^int_dataplane"`, `"^int_dataplane"`, `"^usage"`},
	"log_prefix":                   {`"calico-packet"`, `"calico-packet"`, `"other"`},
	"istio_dscp_mark":              {`"AF11"`, `"AF11"`, `23`},
	"nat_port_range":               {`"32768:65535"`, `"32768:65535"`, `"20000:29999"`},
}

// felixSince332 are the attributes that v3.31.0 does not know, and one on which
// its own client crashes.
var felixSince332 = []string{
	"ipv4_elevated_route_priority", "ipv4_normal_route_priority", "ipv6_elevated_route_priority", "ipv6_normal_route_priority",
	"istio_ambient_mode", "istio_dscp_mark", "live_migration_route_convergence_time",
	"bpf_kube_proxy_healthz_port", "bpf_maglev_max_endpoints_per_service", "bpf_maglev_max_services",
	"log_action_rate_limit", "log_action_rate_limit_burst",
	"prometheus_metrics_ca_file", "prometheus_metrics_cert_file", "prometheus_metrics_client_auth", "prometheus_metrics_key_file",
}

// felixRefused has a number where Calico's own client looks for networks, and
// crashes.
const felixRefused = "bpf_export_buffer_size_mb"

var codeExample = regexp.MustCompile("`([^`]*)`")

// felixFields returns all attributes that are fields of the spec. That the
// examples of their descriptions are valid is so tested as well.
func felixFields(t *testing.T) []felixField {
	t.Helper()
	d := definitions(t)["felix_configuration"]
	var out []felixField
	for _, f := range codec.FieldsOf(codec.SpecOf(d.kind.New()).Type()) {
		field := felixField{attribute: f.Attribute, field: f.JSONName()}
		if v, ok := felixValues[f.Attribute]; ok {
			field.hcl, field.mine, field.theirs = v[0], v[1], v[2]
			_, field.block = d.schema.Blocks[f.Attribute]
			out = append(out, field)
			continue
		}
		attribute := d.schema.Attributes[f.Attribute]
		// given are the examples that begin with one of the characters.
		given := func(begin string) []string {
			var texts []string
			for _, match := range codeExample.FindAllStringSubmatch(attribute.GetMarkdownDescription(), -1) {
				if strings.ContainsAny(match[1][:1], begin) && !slices.Contains(texts, match[1]) {
					texts = append(texts, match[1])
				}
			}
			if len(texts) == 0 {
				t.Fatalf("%s has no example, and no values in felixValues", f.Attribute)
			}
			return texts
		}
		switch attribute := attribute.(type) {
		case schema.BoolAttribute:
			field.hcl, field.theirs = "true", "false"
		case schema.NumberAttribute:
			field.hcl, field.theirs = given("123456789")[0], "3"
		case schema.ListAttribute:
			field.hcl, field.theirs = given("[")[0], "[]"
		case schema.StringAttribute:
			texts := given(`"`)
			field.hcl = texts[0]
			switch {
			case attribute.CustomType != nil && attribute.CustomType.Equal(spelling.Duration):
				field.theirs = `"7s"`
			case len(texts) > 1:
				field.theirs = texts[1]
			default:
				field.theirs = alike(texts[0])
			}
		default:
			t.Fatalf("felixValues has no values for %s", f.Attribute)
		}
		field.mine = field.hcl
		if f.Type == reflect.PointerTo(reflect.TypeFor[metav1.Duration]()) {
			duration, err := time.ParseDuration(strings.Trim(field.hcl, `"`))
			if err != nil {
				t.Fatal(err)
			}
			field.mine = `"` + duration.String() + `"`
		}
		out = append(out, field)
	}
	return out
}

// alike makes another text of the same form: with another digit, or a letter more.
func alike(text string) string {
	if i := strings.LastIndexAny(text, "123456789"); i >= 0 {
		return text[:i] + string('1'+text[i]%8) + text[i+1:]
	}
	return strings.TrimSuffix(text, `"`) + `a"`
}

// felixObject is a stored FelixConfiguration with these values.
func felixObject(name string, fields []felixField, value func(felixField) string) string {
	spec := []string{}
	for _, f := range fields {
		if v := value(f); v != "" {
			spec = append(spec, fmt.Sprintf("%q:%s", f.field, v))
		}
	}
	return `{"kind":"FelixConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"` + name + `","uid":"c3c1b7a8-9d1c-4f37-a7bd-8a9ad7ed4f12","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{` + strings.Join(spec, ",") + `}}`
}

// Every attribute is written, read back, watched and given back.
func TestFelixConfigurationAttributes(t *testing.T) {
	t.Parallel()
	for _, release := range []string{"v3.31.0", "v3.32.1"} {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			testFelixAttributes(t, release)
		})
	}
}

func testFelixAttributes(t *testing.T, release string) {
	const nodeKey = acctest.ResourcePrefix + "felixconfigurations/node.db1"
	var fields, node []felixField
	for _, f := range felixFields(t) {
		switch {
		case f.attribute == felixRefused:
		case f.attribute == "node_selector": // not in these objects: see TestFelixConfigurationOfSelectedNodes
		case release == "v3.31.0" && slices.Contains(felixSince332, f.attribute):
		case f.attribute == "route_table_range":
			node = append(node, f) // not beside route_table_ranges
		default:
			fields = append(fields, f)
		}
	}
	if len(fields) < 150 {
		t.Fatalf("there are only %d attributes", len(fields))
	}
	hcl := func(configured func(i int) bool) string {
		var lines strings.Builder
		for i, f := range fields {
			if configured(i) {
				lines.WriteString(f.configured())
			}
		}
		return felixHCL(lines.String()) + "resource \"calico_felix_configuration\" \"node\" {\n  name = \"node.db1\"\n" + node[0].configured() + "}\n"
	}
	etcd := acctest.NewEtcd(t, acctest.WithCalico(release))
	w := conformance{keeper: inEtcd{Etcd: etcd}}.workspace(t, hcl(func(int) bool { return true }))

	if err := w.WriteFile("main.tf", felixHCL("  "+felixRefused+" = 1")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Run(t, "plan"); err == nil || !strings.Contains(err.Error(), "leave it out") {
		t.Errorf("%s is planned, with the error %v", felixRefused, err)
	}
	if err := w.WriteFile("main.tf", hcl(func(int) bool { return true })); err != nil {
		t.Fatal(err)
	}

	mine := func(f felixField) string { return f.mine }
	theirs := func(f felixField) string { return f.theirs }
	// Others have set every other field, and their value of bpfLogLevel, which
	// Calico always writes.
	some := map[string]bool{"bpfLogLevel": true}
	for i := 0; i < len(fields); i += 2 {
		some[fields[i].field] = true
	}
	before := func(f felixField) string {
		if some[f.field] {
			return f.theirs
		}
		return ""
	}
	put := func(value func(felixField) string) string {
		object := felixObject("default", fields, value)
		etcd.Put(t, felixKey, object)
		return object
	}
	wantSpec := func(what string, value func(felixField) string) {
		t.Helper()
		var want, got struct{ Spec map[string]any }
		if err := errors.Join(
			json.Unmarshal([]byte(felixObject("default", fields, value)), &want),
			json.Unmarshal([]byte(etcd.MustGet(t, felixKey).Value), &got),
		); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Spec, got.Spec); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}

	original := put(before)
	w.MustRun(t, "apply", "-auto-approve")
	wantSpec("what was written", mine)
	if stored := etcd.MustGet(t, nodeKey).Value; !strings.Contains(stored, `"routeTableRange":`+node[0].mine) {
		t.Errorf("stored: %s", stored)
	}
	mustPlan(t, w, false)

	put(theirs)
	w.MustRun(t, "plan", "-out=plan")
	var plan struct {
		ResourceChanges []struct {
			Name   string
			Change struct{ Before, After map[string]any }
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(w.MustRun(t, "show", "-json", "plan")), &plan); err != nil {
		t.Fatal(err)
	}
	for _, r := range plan.ResourceChanges {
		for _, f := range fields {
			if r.Name == "this" && cmp.Equal(r.Change.Before[f.attribute], r.Change.After[f.attribute]) {
				t.Errorf("the plan does not see that somebody changed %s: %v", f.attribute, r.Change.After[f.attribute])
			}
		}
	}
	w.MustRun(t, "apply", "plan")
	wantSpec("what was put right", mine)

	// What is taken out of the configuration gets back the value that it had.
	kept := func(i int) bool { return i%4 < 2 }
	if err := w.WriteFile("main.tf", hcl(kept)); err != nil {
		t.Fatal(err)
	}
	w.MustRun(t, "apply", "-auto-approve")
	wantSpec("what was given back", func(f felixField) string {
		if kept(slices.Index(fields, f)) {
			return f.mine
		}
		return before(f)
	})
	mustPlan(t, w, false)

	w.MustRun(t, "destroy", "-auto-approve")
	if diff := cmp.Diff(original, etcd.MustGet(t, felixKey).Value); diff != "" {
		t.Errorf("the destroy did not give back what was there (-want +got):\n%s", diff)
	}
	if left, found := etcd.Get(t, nodeKey); found {
		t.Errorf("left behind: %s", left.Value)
	}
}
