package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/attributename"
)

// filledByRelease are the fields that v3.32 writes down, if they are missing, whenever
// one of its tools stores an object: what calicoctl v3.32.1 was seen to store, which
// cannot be built here. They mean the same if they are absent.
var filledByRelease = map[string]map[string]string{
	"bgpconfigurations":             {"logSeverityScreen": `"Info"`, "serviceLoadBalancerAggregation": `"Enabled"`},
	"globalnetworkpolicies":         {"tier": `"default"`},
	"ippools":                       {"assignmentMode": `"Automatic"`},
	"kubecontrollersconfigurations": {"healthChecks": `"Enabled"`},
	"networkpolicies":               {"tier": `"default"`},
	"stagedglobalnetworkpolicies":   {"tier": `"default"`, "stagedAction": `"Set"`},
	"stagednetworkpolicies":         {"tier": `"default"`, "stagedAction": `"Set"`},
}

// filled are those of them that a case's object can have.
func (c conformanceCase) filled() map[string]string {
	fields := maps.Clone(filledByRelease[c.plural])
	if c.plural == "bgpconfigurations" && c.object != "default" {
		// calicoctl fills it in for single nodes, too. There it is a change: the node
		// no longer logs as is configured for all.
		delete(fields, "logSeverityScreen")
	}
	return fields
}

// explicit is the HCL of the case with the values that v3.32 writes down in it.
func (c conformanceCase) explicit() string {
	hcl := c.imported()
	for field, value := range c.filled() {
		line := attributename.Of(field) + " = "
		if !regexp.MustCompile(`(?m)^  ` + attributename.Of(field) + ` +=`).MatchString(hcl) {
			hcl = strings.Replace(hcl, "\" {\n", "\" {\n  "+line+value+"\n", 1)
		}
	}
	return hcl
}

// upgradeCases are the conformance cases, and objects with as little in them as can be,
// in which a newer release has the most to fill in.
func upgradeCases(t *testing.T) []conformanceCase {
	t.Helper()
	bgp := func(object string) conformanceCase {
		return conformanceCase{
			name: "BGP of " + object, address: "calico_bgp_configuration.this", kind: "bgpconfiguration", plural: "bgpconfigurations", object: object,
			hcl:      fmt.Sprintf("resource \"calico_bgp_configuration\" \"this\" {\n  name = %q\n  listen_port = 1790\n}\n", object),
			manifest: fmt.Sprintf(`{"kind":"BGPConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":%q},"spec":{"listenPort":1790}}`, object),
			update:   [2]string{"1790", "1791"},
		}
	}
	return append(conformanceCases(t), bgp("default"), bgp("node.db1"), conformanceCase{
		name: "a pool without a choice", address: "calico_ip_pool.this", kind: "ippool", plural: "ippools", object: "pool",
		hcl: `resource "calico_ip_pool" "this" {
  name = "pool"
  cidr = "10.8.0.0/16"
  vxlan_mode = "Always"
  nat_outgoing = true
}
`,
		manifest: `{"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{"name":"pool"},"spec":{"cidr":"10.8.0.0/16","ipipMode":"Never","vxlanMode":"Always","natOutgoing":true}}`,
		update:   [2]string{`"Always"`, `"CrossSubnet"`},
	}, conformanceCase{
		name: "kube-controllers without a choice", address: "calico_kube_controllers_configuration.this", kind: "kubecontrollersconfiguration", plural: "kubecontrollersconfigurations", object: "default",
		hcl: `resource "calico_kube_controllers_configuration" "this" {
  name = "default"
  controllers {
    node {}
  }
}
`,
		manifest: `{"kind":"KubeControllersConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},"spec":{"controllers":{"node":{}}}}`,
		update:   [2]string{"node {}", "node {\n sync_labels = \"Disabled\"\n }"},
	})
}

// upgrade is a datastore with the objects of some cases, a module each, while its Calico
// goes from release to release.
type upgrade struct {
	upgrading
	batch batch
	cases []conformanceCase
}

// newUpgrade has calicoctl of a release store the objects, and Terraform import them.
func newUpgrade(t *testing.T, etcd *acctest.Etcd, c conformance, cases []conformanceCase) upgrade {
	t.Helper()
	b := c.batch(t, cases)
	b.create(t)
	b.importAll(t)
	return upgrade{upgrading{etcd, b.workspace}, b, cases}
}

// configureAll writes the HCL of all cases.
func (u upgrade) configureAll(t *testing.T, hcl func(conformanceCase) string) {
	t.Helper()
	u.batch.configure(t, hcl, nil)
}

// specs returns what is stored of each case under a release, but for what the provider
// on purpose does not store.
func (u upgrade) specs(t *testing.T, version string) []map[string]any {
	t.Helper()
	var out []map[string]any
	for _, test := range u.cases {
		spec := u.object(t, test.key(version)).Spec
		for _, field := range test.implied {
			delete(spec, field)
		}
		out = append(out, spec)
	}
	return out
}

// storedFields is a stored object, taken apart.
type storedFields struct {
	Kind       string         `json:"kind"`
	APIVersion string         `json:"apiVersion"`
	Metadata   map[string]any `json:"metadata"`
	Spec       map[string]any `json:"spec"`
	Status     map[string]any `json:"status,omitempty"`
}

func (u upgrade) object(t *testing.T, key string) storedFields {
	t.Helper()
	var object storedFields
	if err := json.Unmarshal([]byte(u.etcd.MustGet(t, key).Value), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// fill adds what v3.32 does to a spec.
func (c conformanceCase) fill(t *testing.T, spec map[string]any) {
	t.Helper()
	for field, text := range c.filled() {
		if spec[field] != nil {
			continue
		}
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		spec[field] = value
	}
}

// rewrite does what the tools of v3.32 do to each object that they store again.
func (u upgrade) rewrite(t *testing.T) {
	t.Helper()
	for _, test := range u.cases {
		old, now := test.key("v3.31.0"), test.key("v3.32.0")
		object := u.object(t, old)
		test.fill(t, object.Spec)
		switch test.plural {
		case "globalnetworkpolicies", "networkpolicies", "stagedglobalnetworkpolicies", "stagednetworkpolicies":
			labels, _ := object.Metadata["labels"].(map[string]any)
			if labels == nil {
				labels = map[string]any{}
			}
			labels["projectcalico.org/tier"] = object.Spec["tier"]
			object.Metadata["labels"], object.Metadata["name"] = labels, test.object
		case "tiers":
			object.Status = map[string]any{}
		}
		value, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		u.etcd.Put(t, now, string(value))
		if old != now {
			u.etcd.Delete(t, old)
		}
	}
}

// updated changes each object, and back, and checks what is stored then.
func (u upgrade) updated(t *testing.T, version string, want []map[string]any) {
	t.Helper()
	u.to(t, version)
	u.configureAll(t, func(c conformanceCase) string {
		hcl := strings.Replace(c.imported(), c.update[0], c.update[1], 1)
		if hcl == c.imported() {
			t.Fatalf("the update of %q does nothing", c.name)
		}
		return hcl
	})
	u.apply(t)
	u.configureAll(t, conformanceCase.imported)
	u.apply(t)
	for i, got := range u.specs(t, version) {
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("%s: after two updates under %s (-want +got):\n%s", u.cases[i].name, version, diff)
		}
	}
}

// strip takes fields out of what is stored of each case under a release: those with the
// given value in JSON, or with any if that is "".
func (u upgrade) strip(t *testing.T, version string, fields func(conformanceCase) map[string]string) {
	t.Helper()
	for _, test := range u.cases {
		spec := u.object(t, test.key(version)).Spec
		patch := storage.SpecPatch{}
		for field, value := range fields(test) {
			if text, err := json.Marshal(spec[field]); value == "" || err == nil && string(text) == value {
				patch[field] = nil
			}
		}
		value, err := patch.Apply([]byte(u.etcd.MustGet(t, test.key(version)).Value))
		if err != nil {
			t.Fatal(err)
		}
		u.etcd.Put(t, test.key(version), string(value))
	}
}

// What a release of Calico stored is imported without a change. Nothing is planned
// because Calico is upgraded, or goes back, nor because a tool of another release has
// stored the objects again, and what an update then writes is what that release's own
// tools do.
func TestUpgradePlansEmpty(t *testing.T) {
	t.Parallel()
	const second, third = "v3.31.0", "v3.32.0"
	newer := acctest.ToolFor(t, "calicoctl-v3.31")
	for _, release := range conformanceReleases {
		older := acctest.ToolFor(t, release.tool)
		for i, group := range together(conformance{version: release.version, keeper: inEtcd{}}.known(upgradeCases(t))) {
			t.Run(fmt.Sprintf("%s/%d", release.version, i), func(t *testing.T) {
				t.Parallel()
				etcd := acctest.NewEtcd(t, acctest.WithCalico(release.version))
				k := inEtcd{etcd, release.version}
				u := newUpgrade(t, etcd, conformance{release.version, k, calicoctl{older, k}}, group)
				first := u.specs(t, release.version)

				imported := etcd.Prefix(t, acctest.ResourcePrefix)
				for _, version := range slices.Compact([]string{second, third, second, release.version}) {
					u.planAt(t, version, "nothing has been written since")
				}

				u.to(t, second)
				for _, test := range group {
					calicoctl{newer, k}.run(t, test.manifest, "apply", "-f", "-")
				}
				if slices.Equal(imported, etcd.Prefix(t, acctest.ResourcePrefix)) {
					t.Error("calicoctl has stored nothing")
				}
				between := u.specs(t, second)
				for _, version := range slices.Compact([]string{second, third, release.version}) {
					u.planAt(t, version, "calicoctl v3.31.0 has stored all again")
				}
				u.updated(t, second, between)

				u.to(t, third)
				u.rewrite(t)
				for _, version := range slices.Compact([]string{third, second, release.version}) {
					u.planAt(t, version, "v3.32 has stored all again")
				}
				u.configureAll(t, conformanceCase.explicit)
				for _, version := range []string{third, second} {
					u.planAt(t, version, "v3.32 has stored all again, and the configuration has the values")
				}
				rewritten := u.specs(t, third)
				u.apply(t)
				u.strip(t, third, conformanceCase.filled)
				for _, version := range []string{third, second} {
					u.planAt(t, version, "the values are gone again, and the configuration still has them")
				}
				u.updated(t, third, rewritten)
				u.updated(t, release.version, first)
			})
		}
	}
}

// planAt checks that nothing is planned under a release.
func (u upgrade) planAt(t *testing.T, version, since string) {
	t.Helper()
	u.to(t, version)
	changes, text, err := u.workspace.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if changes {
		t.Errorf("%s: changes are planned under %s:\n%s", since, version, text)
	}
}

// Objects that lack what Calico's client fills in, as they were written past it, can be
// changed by a plan that tells what comes of that, and then have it.
func TestUpdateOfWhatLacksFields(t *testing.T) {
	t.Parallel()
	const version = "v3.31.0"
	path := acctest.ToolFor(t, "calicoctl-v3.31")
	fields := func(c conformanceCase) map[string]string {
		out := map[string]string{}
		for field := range definitions(t)[strings.TrimSuffix(strings.TrimPrefix(c.address, "calico_"), ".this")].filled {
			out[field] = ""
		}
		return out
	}
	for i, group := range together(conformance{version: version, keeper: inEtcd{}}.known(upgradeCases(t))) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico(version))
			k := inEtcd{etcd, version}
			u := newUpgrade(t, etcd, conformance{version, k, calicoctl{path, k}}, group)
			stored := u.specs(t, version)
			u.strip(t, version, fields)
			u.updated(t, version, stored)

			u.strip(t, version, fields)
			u.apply(t)
			if diff := cmp.Diff(stored, u.specs(t, version)); diff != "" {
				t.Errorf("after an apply of the same configuration (-want +got):\n%s", diff)
			}
		})
	}
}
