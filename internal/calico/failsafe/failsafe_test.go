package failsafe

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

func rulesJSON(t *testing.T, rules []Rule) string {
	t.Helper()
	var plain []v3.Rule
	for _, r := range rules {
		plain = append(plain, r.Rule)
	}
	text, err := json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFailsafeRules(t *testing.T) {
	ssh := single(22)
	for name, test := range map[string]struct {
		policy          Policy
		ingress, egress string
	}{
		"the guide's": {
			Policy{ManagementCIDRs: []string{"10.1.0.0/24"}, ManagementPorts: ssh, ICMP: true, DHCP: true,
				EtcdServers: []Server{{"10.2.0.11", single(2379)}, {"10.2.0.12/32", []numorstring.Port{{MinPort: 2379, MaxPort: 2380}}}}},
			`[{"action":"Allow","protocol":"TCP","source":{"nets":["10.1.0.0/24"]},"destination":{"ports":[22]}},
			  {"action":"Allow","protocol":"ICMP"}]`,
			`[{"action":"Allow","protocol":"TCP","destination":{"nets":["10.2.0.11/32"],"ports":[2379]}},
			  {"action":"Allow","protocol":"TCP","destination":{"nets":["10.2.0.12/32"],"ports":["2379:2380"]}},
			  {"action":"Allow","protocol":"UDP","destination":{"ports":[67]}}]`,
		},
		"in a cluster": {
			Policy{ManagementCIDRs: []string{"10.1.0.0/24"}, ManagementPorts: ssh,
				EtcdServers: []Server{{"10.2.0.11", single(2379)}}, APIServers: []Server{{"10.2.0.21", single(6443)}, {"2001:db8:2::21", single(443)}}},
			`[{"action":"Allow","protocol":"TCP","source":{"nets":["10.1.0.0/24"]},"destination":{"ports":[22]}}]`,
			`[{"action":"Allow","protocol":"TCP","destination":{"nets":["10.2.0.11/32"],"ports":[2379]}},
			  {"action":"Allow","protocol":"TCP","destination":{"nets":["10.2.0.21/32"],"ports":[6443]}},
			  {"action":"Allow","protocol":"TCP","destination":{"nets":["2001:db8:2::21/128"],"ports":[443]}}]`,
		},
		"both IP versions": {
			Policy{ManagementCIDRs: []string{"2001:db8::1", "10.1.0.7"}, ManagementPorts: ssh, ICMPv6: true, DHCP: true, BGPPeers: []string{"::/0", "0.0.0.0/0"}},
			`[{"action":"Allow","protocol":"TCP","source":{"nets":["10.1.0.7/32"]},"destination":{"ports":[22]}},
			  {"action":"Allow","protocol":"TCP","source":{"nets":["2001:db8::1/128"]},"destination":{"ports":[22]}},
			  {"action":"Allow","protocol":"ICMPv6"},
			  {"action":"Allow","protocol":"TCP","source":{"nets":["0.0.0.0/0"]},"destination":{"ports":[179]}},
			  {"action":"Allow","protocol":"TCP","source":{"nets":["::/0"]},"destination":{"ports":[179]}}]`,
			`[{"action":"Allow","protocol":"ICMPv6"},
			  {"action":"Allow","protocol":"UDP","destination":{"ports":[67]}},
			  {"action":"Allow","protocol":"UDP","destination":{"ports":[547]}},
			  {"action":"Allow","protocol":"TCP","destination":{"nets":["0.0.0.0/0"],"ports":[179]}},
			  {"action":"Allow","protocol":"TCP","destination":{"nets":["::/0"],"ports":[179]}}]`,
		},
	} {
		for direction, pair := range map[string][2]string{
			"ingress": {rulesJSON(t, test.policy.Ingress()), test.ingress},
			"egress":  {rulesJSON(t, test.policy.Egress()), test.egress},
		} {
			var got, want any
			if err := json.Unmarshal([]byte(pair[0]), &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(pair[1]), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, direction, diff)
			}
		}
	}
}

// Reading back the rules of any failsafe policy gives terms that make the same
// rules, and of a policy as people configure it, the same terms.
func TestParseFailsafeIsTheWayBack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	addresses := []string{"10.0.0.0/8", "10.1.2.3", "192.0.2.0/24", "2001:db8::/32", "2001:db8::7"}
	some := func(atLeast int) []string {
		var out []string
		for _, i := range r.Perm(len(addresses))[:atLeast+r.IntN(3)] {
			out = append(out, addresses[i])
		}
		return out
	}
	cases := 5000
	if testing.Short() {
		cases = 1000
	}
	for range cases {
		f := Policy{ManagementCIDRs: some(1), ManagementPorts: single(22), ICMP: r.IntN(2) == 0, DHCP: r.IntN(2) == 0, ICMPv6: r.IntN(2) == 0}
		for range r.IntN(3) {
			f.EtcdServers = append(f.EtcdServers, Server{Address: addresses[r.IntN(len(addresses))], Ports: single(2379)})
		}
		for range r.IntN(3) {
			f.APIServers = append(f.APIServers, Server{Address: addresses[r.IntN(len(addresses))], Ports: single([]uint16{6443, 443}[r.IntN(2)])})
		}
		if r.IntN(2) == 0 {
			f.BGPPeers = some(1)
		}
		if r.IntN(3) == 0 {
			f.ExtraIngress = acctest.RandomValue(r, reflect.TypeFor[[]v3.Rule](), 2).Interface().([]v3.Rule)
		}
		if r.IntN(3) == 0 {
			f.ExtraEgress = []v3.Rule{{Action: v3.Deny}}
		}
		var ingress, egress []v3.Rule
		for _, b := range f.Ingress() {
			ingress = append(ingress, b.Rule)
		}
		for _, b := range f.Egress() {
			egress = append(egress, b.Rule)
		}
		got, ok := Parse(ingress, egress)
		if !ok {
			t.Fatalf("the rules of %+v were not recognised", f)
		}
		if !got.Makes(ingress, egress) {
			t.Fatalf("%+v came back as %+v, which makes other rules", f, got)
		}
		if got.ICMP != f.ICMP || got.ICMPv6 != f.ICMPv6 || got.DHCP != f.DHCP || len(got.ManagementCIDRs) != len(f.ManagementCIDRs) ||
			len(got.EtcdServers) != len(f.EtcdServers) || len(got.APIServers) != len(f.APIServers) || len(got.BGPPeers) != len(f.BGPPeers) {
			t.Fatalf("%+v came back as %+v", f, got)
		}
	}
}

// The rules of etcd servers and of API servers have one form; their ports tell them apart.
func TestParseTellsServersByTheirPorts(t *testing.T) {
	for name, test := range map[string]struct {
		ports           []uint16
		etcd, apiServer int
	}{
		"etcd":                     {[]uint16{2379, 4001}, 2, 0},
		"API servers":              {[]uint16{6443, 443}, 0, 2},
		"both":                     {[]uint16{2379, 6443}, 1, 1},
		"an API server first":      {[]uint16{6443, 8443}, 0, 2},
		"one at an unusual port":   {[]uint16{8443}, 1, 0},
		"etcd after an API server": {[]uint16{443, 2379}, 0, 2},
	} {
		f := Policy{ManagementCIDRs: []string{"10.1.0.0/24"}, ManagementPorts: single(22)}
		var egress []v3.Rule
		for _, port := range test.ports {
			f.EtcdServers = append(f.EtcdServers, Server{Address: "10.2.0.1", Ports: single(port)})
		}
		for _, b := range f.Egress() {
			egress = append(egress, b.Rule)
		}
		var ingress []v3.Rule
		for _, b := range f.Ingress() {
			ingress = append(ingress, b.Rule)
		}
		got, _ := Recognise(ingress, egress)
		if !got.Makes(ingress, egress) || len(got.EtcdServers) != test.etcd || len(got.APIServers) != test.apiServer {
			t.Errorf("%s: it was read as %+v", name, got)
		}
	}
}

// Whatever the rules of a policy are, an import shows all of them.
func TestParseFailsafeLosesNoRule(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	cases := 3000
	if testing.Short() {
		cases = 600
	}
	for range cases {
		ingress := acctest.RandomValue(r, reflect.TypeFor[[]v3.Rule](), 2).Interface().([]v3.Rule)
		egress := acctest.RandomValue(r, reflect.TypeFor[[]v3.Rule](), 2).Interface().([]v3.Rule)
		if r.IntN(2) == 0 {
			f := Policy{ManagementCIDRs: []string{"10.0.0.0/8"}, ManagementPorts: single(22), ICMP: true, DHCP: true, BGPPeers: []string{"10.0.0.0/8"}}
			for _, b := range f.Ingress() {
				ingress = append(ingress, b.Rule)
			}
			for _, b := range f.Egress() {
				egress = append(egress, b.Rule)
			}
			r.Shuffle(len(ingress), reflect.Swapper(ingress))
			r.Shuffle(len(egress), reflect.Swapper(egress))
		}
		if got, _ := Parse(ingress, egress); !got.Makes(ingress, egress) {
			t.Fatalf("%+v and %+v were read as %+v, which makes other rules", ingress, egress, got)
		}
	}
}
