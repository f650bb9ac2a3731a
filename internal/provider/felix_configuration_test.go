package provider

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

const felixKey = acctest.ResourcePrefix + "felixconfigurations/default"

// othersFelix is a FelixConfiguration with forty-two fields set by others, one of
// them unknown to this provider, in spellings that a decoder would not keep.
func othersFelix() string {
	fields := []string{
		`"bpfLogLevel":""`, `"floatingIPs":"Disabled"`, `"reportingInterval":"0s"`, `"logSeverityScreen":"Info"`,
		`"futureField":{"a":[ 1, 2.50 ],"b":"<&>"}`, `"ipipEnabled":true`, `"ipipMTU":1480`, `"failsafeOutboundHostPorts":[{"protocol":"TCP","port":2379,"net":""}]`,
		`"iptablesMarkMask":4294901760`, `"natPortRange":"32768:65535"`, `"healthTimeoutOverrides":[{"name":"x","timeout":"90s"}]`,
		`"bpfMapSizeConntrack":512000`,
	}
	for _, name := range []string{"ipv6Support", "bpfEnabled", "wireguardEnabled", "wireguardEnabledV6", "vxlanEnabled", "xdpEnabled", "genericXDPEnabled", "healthEnabled", "prometheusMetricsEnabled", "usageReportingEnabled"} {
		fields = append(fields, fmt.Sprintf("%q:false", name))
	}
	for i, name := range []string{"vxlanMTU", "vxlanPort", "vxlanVNI", "wireguardMTU", "wireguardListeningPort", "healthPort", "prometheusMetricsPort", "metadataPort", "maxIpsetSize", "deviceRouteProtocol"} {
		fields = append(fields, fmt.Sprintf("%q:%d", name, 1000+i))
	}
	for _, name := range []string{"routeRefreshInterval", "interfaceRefreshInterval", "iptablesRefreshInterval", "ipsetsRefreshInterval", "xdpRefreshInterval", "netlinkTimeout", "reportingTTL", "usageReportingInterval", "iptablesPostWriteCheckInterval", "iptablesLockProbeInterval"} {
		fields = append(fields, fmt.Sprintf("%q:%q", name, "90s"))
	}
	if len(fields) != 42 {
		panic(len(fields))
	}
	return `{"kind":"FelixConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"c3c1b7a8-9d1c-4f37-a7bd-8a9ad7ed4f12","creationTimestamp":"2026-01-01T00:00:00Z","annotations":{"note":"others'"}},"spec":{` + strings.Join(fields, ",") + `}}`
}

func felixHCL(attributes string) string {
	return "resource \"calico_felix_configuration\" \"this\" {\n  name = \"default\"\n" + attributes + "\n}\n"
}

func felixWorkspace(t *testing.T, hcl string) (*acctest.Etcd, *acctest.Workspace) {
	t.Helper()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	return etcd, conformance{keeper: inEtcd{Etcd: etcd}}.workspace(t, hcl)
}

// checkFelix compares what is stored with what was there before, but for the
// fields given.
func checkFelix(t *testing.T, etcd *acctest.Etcd, before string, changed map[string]string) {
	t.Helper()
	want, err := storage.SpecFields(calico.KindFelixConfiguration, []byte(before))
	if err != nil {
		t.Fatal(err)
	}
	after := etcd.MustGet(t, felixKey).Value
	got, err := storage.SpecFields(calico.KindFelixConfiguration, []byte(after))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range changed {
		if string(got[name]) != value {
			t.Errorf("%s is %s, want %s", name, got[name], value)
		}
		delete(want, name)
		delete(got, name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("others' fields changed (-before +after):\n%s", diff)
	}
	before, _, _ = strings.Cut(before, `"spec"`)
	if !strings.HasPrefix(after, before) {
		t.Errorf("the metadata changed from\n%s\nto\n%s", before, after)
	}
}

// An object that others made is adopted: what is configured changes, and on
// destroy goes back; the rest stays as it was, to the byte.
func TestFelixConfigurationAdopts(t *testing.T) {
	t.Parallel()
	etcd, w := felixWorkspace(t, felixHCL(`  failsafe_inbound_host_ports = []
  ipip_mtu                    = 1400`))
	before := othersFelix()
	etcd.Put(t, felixKey, before)

	plan := mustPlan(t, w, true)
	for _, text := range []string{
		"Existing Object Will Be Adopted", felixKey,
		"spec.failsafeInboundHostPorts: (none) -> []", "spec.ipipMTU: 1480 -> 1400",
	} {
		if !strings.Contains(unwrapped(plan), text) {
			t.Errorf("the plan does not say %q:\n%s", text, plan)
		}
	}
	w.MustRun(t, "apply", "-auto-approve")
	owned := map[string]string{"failsafeInboundHostPorts": "[]", "ipipMTU": "1400"}
	checkFelix(t, etcd, before, owned)
	mustPlan(t, w, false)

	// Others go on writing what is theirs: no difference, and no conflict.
	others := strings.Replace(etcd.MustGet(t, felixKey).Value, `"vxlanMTU":1000`, `"vxlanMTU":1450`, 1)
	etcd.Put(t, felixKey, others)
	mustPlan(t, w, false)

	// What is owned is put right.
	etcd.Put(t, felixKey, strings.Replace(others, `"failsafeInboundHostPorts":[]`, `"failsafeInboundHostPorts":[{"protocol":"tcp","port":22}]`, 1))
	if plan := mustPlan(t, w, true); !strings.Contains(plan, "~ failsafe_inbound_host_ports") || strings.Contains(plan, "mtu") {
		t.Errorf("the plan does not show the owned attribute's drift alone:\n%s", plan)
	}
	w.MustRun(t, "apply", "-auto-approve")
	checkFelix(t, etcd, others, owned)

	// What is no longer configured is given back, and what is new becomes owned.
	if err := w.WriteFile("main.tf", felixHCL(`  failsafe_inbound_host_ports = []
  health_port                 = 9100
  iptables_backend            = "NFT"`)); err != nil {
		t.Fatal(err)
	}
	w.MustRun(t, "apply", "-auto-approve")
	checkFelix(t, etcd, others, map[string]string{"failsafeInboundHostPorts": "[]", "ipipMTU": "1480", "healthPort": "9100", "iptablesBackend": `"NFT"`})
	mustPlan(t, w, false)

	w.MustRun(t, "destroy", "-auto-approve")
	if diff := cmp.Diff(strings.Replace(before, `"vxlanMTU":1000`, `"vxlanMTU":1450`, 1), etcd.MustGet(t, felixKey).Value); diff != "" {
		t.Errorf("destroy did not give back what was there (-want +got):\n%s", diff)
	}
}

// unwrapped is the CLI's text without what it draws around a warning.
func unwrapped(text string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╵", " ", "╷", " ").Replace(text)), " ")
}

// A change by others between plan and apply stops the apply only where it is of
// something that is owned.
func TestFelixConfigurationConflict(t *testing.T) {
	t.Parallel()
	etcd, w := felixWorkspace(t, felixHCL("  ipip_mtu = 1400"))
	etcd.Put(t, felixKey, othersFelix())
	w.MustRun(t, "apply", "-auto-approve")
	if err := w.WriteFile("main.tf", felixHCL("  ipip_mtu = 1300")); err != nil {
		t.Fatal(err)
	}

	w.MustRun(t, "plan", "-out=plan")
	mine := strings.Replace(etcd.MustGet(t, felixKey).Value, `"ipipMTU":1400`, `"ipipMTU":1200`, 1)
	etcd.Put(t, felixKey, mine)
	_, err := w.Run(t, "apply", "plan")
	if err == nil || !strings.Contains(unwrapped(err.Error()), "spec.ipipMTU: 1400 -> 1200") {
		t.Errorf("a conflict ended in %v", err)
	}
	if diff := cmp.Diff(mine, etcd.MustGet(t, felixKey).Value); diff != "" {
		t.Errorf("it was written to all the same:\n%s", diff)
	}

	w.MustRun(t, "plan", "-out=plan")
	theirs := strings.Replace(mine, `"vxlanMTU":1000`, `"vxlanMTU":1450`, 1)
	etcd.Put(t, felixKey, theirs)
	w.MustRun(t, "apply", "plan")
	checkFelix(t, etcd, theirs, map[string]string{"ipipMTU": "1300"})
}

// An object that is made here goes with the resource, unless others have put
// something in it.
func TestFelixConfigurationCreates(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]string{"alone": "", "with others": `"reportingInterval":"0s",`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd, w := felixWorkspace(t, felixHCL(`  failsafe_inbound_host_ports = [{ protocol = "tcp", port = 22, net = "10.0.0.0/8" }]`))
			if plan := mustPlan(t, w, true); strings.Contains(plan, "Adopted") {
				t.Errorf("there is nothing to adopt:\n%s", plan)
			}
			w.MustRun(t, "apply", "-auto-approve")
			mustPlan(t, w, false)
			var object struct {
				Metadata struct{ UID, CreationTimestamp string }
				Spec     map[string]any
			}
			stored := etcd.MustGet(t, felixKey).Value
			if err := json.Unmarshal([]byte(stored), &object); err != nil {
				t.Fatal(err)
			}
			// Calico's client would add defaults, and so pin them; see calico.Default.
			want := map[string]any{"bpfLogLevel": "", "failsafeInboundHostPorts": []any{map[string]any{"protocol": "tcp", "port": 22.0, "net": "10.0.0.0/8"}}}
			if diff := cmp.Diff(want, object.Spec); diff != "" || object.Metadata.UID == "" || object.Metadata.CreationTimestamp == "" {
				t.Errorf("stored: %s\n%s", stored, diff)
			}
			if others != "" {
				etcd.Put(t, felixKey, strings.Replace(stored, `"spec":{`, `"spec":{`+others, 1))
			}
			w.MustRun(t, "destroy", "-auto-approve")
			left, found := etcd.Get(t, felixKey)
			switch {
			case others == "" && found:
				t.Errorf("left behind: %s", left.Value)
			case others != "" && !found:
				t.Error("what others had put there is lost")
			case others != "" && !strings.HasSuffix(left.Value, `"spec":{"reportingInterval":"0s","bpfLogLevel":""}}`):
				t.Errorf("left: %s", left.Value)
			}
		})
	}
}

// After an import all that is set is owned; what is not configured then is let
// go, and keeps its value.
func TestFelixConfigurationImport(t *testing.T) {
	t.Parallel()
	etcd, w := felixWorkspace(t, felixHCL("  ipip_mtu = 1480"))
	before := othersFelix()
	etcd.Put(t, felixKey, before)
	w.MustRun(t, "import", "calico_felix_configuration.this", "default")
	mustPlan(t, w, true)
	w.MustRun(t, "apply", "-auto-approve")
	if diff := cmp.Diff(before, etcd.MustGet(t, felixKey).Value); diff != "" {
		t.Errorf("the import changed something:\n%s", diff)
	}
	mustPlan(t, w, false)
	w.MustRun(t, "destroy", "-auto-approve")
	if diff := cmp.Diff(before, etcd.MustGet(t, felixKey).Value); diff != "" {
		t.Errorf("the destroy changed something:\n%s", diff)
	}
}

// From v3.32 on an object with any other name is for the nodes that it selects. One
// without a selector would be for none, and Calico would not say so.
func TestFelixConfigurationOfSelectedNodes(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.1"))
	const key = acctest.ResourcePrefix + "felixconfigurations/rack1"
	hcl := func(attributes string) string {
		return "resource \"calico_felix_configuration\" \"this\" {\n  name = \"rack1\"\n" + attributes + "\n}\n"
	}
	w := conformance{keeper: inEtcd{Etcd: etcd}}.workspace(t, hcl("  node_selector = \"rack == 'r1'\"\n  ipip_mtu = 1400"))
	w.MustRun(t, "apply", "-auto-approve")
	stored := etcd.MustGet(t, key).Value
	if _, spec, _ := strings.Cut(stored, `"spec":`); spec != `{"nodeSelector":"rack == 'r1'","ipipMTU":1400,"bpfLogLevel":""}}` {
		t.Errorf("stored: %s", spec)
	}
	mustPlan(t, w, false)

	// Another spelling is none; another selector is drift, and put right.
	etcd.Put(t, key, strings.Replace(stored, "rack == 'r1'", "rack=='r1'", 1))
	mustPlan(t, w, false)
	etcd.Put(t, key, strings.Replace(stored, "rack == 'r1'", "all()", 1))
	if plan := mustPlan(t, w, true); !strings.Contains(plan, `"all()" -> "rack == 'r1'"`) {
		t.Errorf("the plan does not show the selector:\n%s", plan)
	}
	w.MustRun(t, "apply", "-auto-approve")

	for _, test := range []struct{ attributes, release, want string }{
		{"  ipip_mtu = 1400", "", "With this name the object is for no node"},
		{"  node_selector = \"\"\n  ipip_mtu = 1400", "", "An empty selector"},
		{"  node_selector = \"rack = 'r1'\"", "", "cannot read this selector"},
		{"  node_selector = \"all()\"", "3.31", "came with v3.32.0"},
	} {
		provider := ""
		if test.release != "" {
			provider = "provider \"calico\" {\n  calico_version = \"" + test.release + "\"\n}\n"
		}
		if err := w.WriteFile("main.tf", provider+hcl(test.attributes)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Run(t, "plan"); err == nil || !strings.Contains(unwrapped(err.Error()), test.want) {
			t.Errorf("%s in %q: want %q, got %v", test.attributes, test.release, test.want, err)
		}
	}
	for _, name := range []string{"default", "node.db1"} {
		if err := w.WriteFile("main.tf", strings.Replace(hcl("  node_selector = \"all()\""), "rack1", name, 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Run(t, "plan"); err == nil || !strings.Contains(unwrapped(err.Error()), "Leave nodeSelector out") {
			t.Errorf("a selector in %s: got %v", name, err)
		}
	}

	if err := w.WriteFile("main.tf", hcl("  node_selector = \"all()\"")); err != nil {
		t.Fatal(err)
	}
	w.MustRun(t, "apply", "-auto-approve")
	mustPlan(t, w, false)
	w.MustRun(t, "destroy", "-auto-approve")
	if left, found := etcd.Get(t, key); found {
		t.Errorf("left behind: %s", left.Value)
	}
}

// An object that others made for some nodes is imported with its selector.
func TestFelixConfigurationOfSelectedNodesIsImported(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.32.1"))
	const (
		key   = acctest.ResourcePrefix + "felixconfigurations/rack1"
		value = `{"kind":"FelixConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"rack1","uid":"c3c1b7a8-9d1c-4f37-a7bd-8a9ad7ed4f12","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"nodeSelector":"rack == 'r1'","bpfLogLevel":"","ipipMTU":1400,"istioDSCPMark":23}}`
	)
	etcd.Put(t, key, value)
	w := conformance{keeper: inEtcd{Etcd: etcd}}.workspace(t, "import {\n  to = calico_felix_configuration.this\n  id = \"rack1\"\n}\n")
	if _, text, err := w.Plan(t.Context(), "-generate-config-out=generated.tf"); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	w.MustRun(t, "apply", "-auto-approve")
	mustPlan(t, w, false)
	if got := etcd.MustGet(t, key).Value; got != value {
		t.Errorf("the import changed what is stored: %s", got)
	}
	if state := w.MustRun(t, "state", "show", "calico_felix_configuration.this"); !strings.Contains(state, `"rack == 'r1'"`) || !strings.Contains(state, `istio_dscp_mark`) {
		t.Errorf("the state does not show the selector, or the mark:\n%s", state)
	}
}
