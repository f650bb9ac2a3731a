package provider

import (
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

// conformanceCase is an object, as HCL and as the manifest that says the same.
type conformanceCase struct {
	name     string
	address  string
	hcl      string
	manifest string
	// kind, object and plural name the object to calicoctl and in its key.
	kind, plural, object string
	// namespace is that of the object, "" for none.
	namespace string
	// since is the first release that knows the kind, such as "v3.31"; "" for all.
	since string
	// policy tells that the stored name depends on the release.
	policy bool
	// edit is a patch with calicoctl, and shows what the plan says of it.
	edit  string
	shows []string
	// update replaces a piece of the HCL by another.
	update [2]string
	// pinned are fields that calicoctl adds to each object of the kind, and the
	// provider on purpose does not: with Calico's defaults in it, an object decides
	// what was to be decided elsewhere, or by a later release. See calico.Default.
	pinned []string
	// pinnedHCL are their attributes, which an object of calicoctl's has when it is
	// imported. They take the place of a line "# pinned" in hcl.
	pinnedHCL string
	// implied are fields that calicoctl stores where the manifest has them, and the
	// provider on purpose does not: their value is what their absence says too, and
	// is said in one way for all releases. So is the tier "default", which v3.28
	// cannot store and v3.32 always does. calicoctl itself stores it by how it comes
	// to the object: of a manifest as it is there, but with a patch or a label always.
	implied []string
	// needs is a manifest of what must be there first, and stays.
	needs string
}

// imported is the HCL of the object as calicoctl writes it.
func (c conformanceCase) imported() string {
	return strings.Replace(c.hcl, "# pinned", c.pinnedHCL, 1)
}

// without takes out of a value that calicoctl stored what the provider on purpose
// does not store: those of pinned, of implied or of both.
func without(t *testing.T, value string, fields ...string) string {
	t.Helper()
	out := storage.SpecPatch{}
	for _, field := range fields {
		if !strings.Contains(value, `"`+field+`":`) {
			t.Errorf("calicoctl no longer stores %s:\n%s", field, value)
		}
		out[field] = nil
	}
	text, err := out.Apply([]byte(value))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (c conformanceCase) key(version string) string {
	name := c.object
	if c.policy && !strings.HasPrefix(version, "v3.32") {
		name = "default." + name
	}
	if c.namespace != "" {
		name = c.namespace + "/" + name
	}
	return acctest.ResourcePrefix + c.plural + "/" + name
}

// importID is what the object is imported by.
func (c conformanceCase) importID() string {
	return importID(calico.ID{Namespace: c.namespace, Name: c.object})
}

func conformanceCases(t *testing.T) []conformanceCase {
	t.Helper()
	policy := func(name, object, hcl, manifest string) conformanceCase {
		return conformanceCase{
			name: name, address: "calico_failsafe_policy.this", hcl: hcl, manifest: manifest,
			kind: "globalnetworkpolicy", plural: "globalnetworkpolicies", object: object, policy: true,
			edit:   `{"spec":{"order":7,"applyOnForward":true}}`,
			shows:  []string{"~ order", "7 -> ", `\"applyOnForward\":true`},
			update: [2]string{"management_cidrs = [", "management_ports = [23]\nmanagement_cidrs = ["},
		}
	}
	endpoint := func(name, object, hcl, manifest string) conformanceCase {
		return conformanceCase{
			name: name, address: "calico_host_endpoint.this", hcl: hcl, manifest: manifest,
			kind: "hostendpoint", plural: "hostendpoints", object: object,
			edit:   `{"spec":{"expectedIPs":["10.9.9.9"]}}`,
			shows:  []string{"~ expected_ips", "10.9.9.9"},
			update: [2]string{"expected_ips", "profiles = [\"p\"]\nexpected_ips"},
		}
	}
	example := func(name string) (hcl, manifest string) {
		files := acctest.Files(t, "examples/guide/"+name)
		return files["main.tf"], files["manifest.yaml"]
	}
	failsafeHCL, failsafeYAML := example("failsafe")
	bgpHCL, bgpYAML := example("failsafe-with-bgp")
	interfaceHCL, interfaceYAML := example("interface")
	addressHCL, addressYAML := example("address")
	everyField := policy("every field of a rule", "every-field", everyFieldHCL, everyFieldYAML)
	everyField.update = [2]string{"allow_dhcp       = false", "allow_dhcp = true"}
	inATier := policy("a failsafe policy of a tier of one's own", "platform.failsafe", tieredHCL, tieredYAML)
	inATier.policy, inATier.since, inATier.needs = false, "v3.29", platformYAML
	interfaceCase := endpoint("a host endpoint by its interface", "db1-eth0", interfaceHCL, interfaceYAML)
	interfaceCase.update = [2]string{`["projectcalico-default-allow"]`, `["other"]`}
	return slices.Concat(configurationConformanceCases(), policyConformanceCases(), setConformanceCases(), []conformanceCase{
		policy("the guide's failsafe policy", "failsafe", failsafeHCL, failsafeYAML),
		policy("a failsafe policy with BGP and IPv6", "failsafe", bgpHCL, bgpYAML),
		everyField,
		inATier,
		interfaceCase,
		endpoint("a host endpoint by its addresses", "web1-public", addressHCL, addressYAML),
	})
}

const everyFieldHCL = `
resource "calico_failsafe_policy" "this" {
  name             = "every-field"
  selector         = "has(a) && b in { 'x', 'y' }"
  order            = -1.5
  management_cidrs = ["10.0.0.0/8"]
  management_ports = ["22", "2200:2210"]
  allow_icmp       = false
  allow_icmpv6     = true
  allow_dhcp       = false
  annotations      = { note = "<&>" }
  extra_ingress {
    action     = "Allow"
    ip_version = 4
    protocol   = "TCP"
    http {
      methods = ["GET"]
      path {
        exact = "/a"
      }
      path {
        prefix = "/b/"
      }
    }
    metadata {
      annotations = { ticket = "1" }
    }
    source {
      nets         = ["10.1.0.0/16", "192.0.2.1/32"]
      not_nets     = ["10.1.2.0/24"]
      ports        = [1024, "2000:3000", "name"]
      not_ports    = [2001]
      selector     = "role == 'db'"
      not_selector = "has(quarantine)"
      service_accounts {
        names    = ["a", "b"]
        selector = "x == 'y'"
      }
    }
    destination {
      namespace_selector = "global()"
      selector           = "all()"
    }
  }
  extra_ingress {
    action   = "Log"
    protocol = "ICMP"
    icmp {
      type = 0
      code = 0
    }
  }
  extra_ingress {
    action       = "Deny"
    not_protocol = "17"
    not_icmp {
      type = 8
    }
  }
  extra_ingress {
    action = "Pass"
    source {
      services {
        name      = "s"
        namespace = "n"
      }
    }
  }
  extra_egress {
    action   = "Deny"
    protocol = "132"
    destination {
      not_ports = ["5:5"]
    }
  }
}
`

const tieredHCL = `
resource "calico_failsafe_policy" "this" {
  name             = "platform.failsafe"
  tier             = "platform"
  management_cidrs = ["10.1.0.0/24"]
  etcd_server {
    address = "10.2.0.11"
  }
  etcd_server {
    address = "2001:DB8:2::/64"
    ports   = ["2379:2380", 4001]
  }
  api_server {
    address = "10.2.0.21"
  }
}
`

const tieredYAML = `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata:
  name: platform.failsafe
spec:
  tier: platform
  selector: all()
  order: 0
  ingress:
  - {action: Allow, protocol: TCP, source: {nets: [10.1.0.0/24]}, destination: {ports: [22]}}
  - {action: Allow, protocol: ICMP}
  - {action: Allow, protocol: ICMPv6}
  egress:
  - {action: Allow, protocol: TCP, destination: {nets: [10.2.0.11/32], ports: [2379]}}
  - {action: Allow, protocol: TCP, destination: {nets: ["2001:DB8:2::/64"], ports: ["2379:2380", 4001]}}
  - {action: Allow, protocol: TCP, destination: {nets: [10.2.0.21/32], ports: [6443]}}
  - {action: Allow, protocol: ICMPv6}
  - {action: Allow, protocol: UDP, destination: {ports: [67]}}
  - {action: Allow, protocol: UDP, destination: {ports: [547]}}
`

const everyFieldYAML = `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata:
  name: every-field
  annotations: {note: "<&>"}
spec:
  selector: has(a) && b in { 'x', 'y' }
  order: -1.5
  ingress:
  - {action: Allow, protocol: TCP, source: {nets: [10.0.0.0/8]}, destination: {ports: [22, "2200:2210"]}}
  - {action: Allow, protocol: ICMPv6}
  - action: Allow
    ipVersion: 4
    protocol: TCP
    http: {methods: [GET], paths: [{exact: /a}, {prefix: /b/}]}
    metadata: {annotations: {ticket: "1"}}
    source:
      nets: [10.1.0.0/16, 192.0.2.1/32]
      notNets: [10.1.2.0/24]
      ports: [1024, "2000:3000", name]
      notPorts: [2001]
      selector: role == 'db'
      notSelector: has(quarantine)
      serviceAccounts: {names: [a, b], selector: x == 'y'}
    destination: {namespaceSelector: global(), selector: all()}
  - {action: Log, protocol: ICMP, icmp: {type: 0, code: 0}}
  - {action: Deny, notProtocol: 17, notICMP: {type: 8}}
  - {action: Pass, source: {services: {name: s, namespace: "n"}}}
  egress:
  - {action: Allow, protocol: ICMPv6}
  - {action: Deny, protocol: 132, destination: {notPorts: [5]}}
`
