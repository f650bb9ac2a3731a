package verdict_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// What is not read leaves a doubt, where it could make a difference and only there.
func TestWorldsThatAreNotKnown(t *testing.T) {
	pods := "has a selector, which may choose pods, and the pods are not known here"
	byRule := `cannot be decided: rule 1 of ingress of policy "p" in tier "default" `
	for _, test := range []struct {
		reason   string
		world    string
		options  []verdict.Option
		question string
		want     string
	}{
		{"without the option a selector stands for what is given", hosts + gnp("{action: Allow, source: {selector: app == 'web'}}"), nil, "a in TCP 10.9.0.1 80", endOfP},
		{"a selector may choose a pod that is not known", hosts + gnp("{action: Allow, source: {selector: app == 'web'}}"), []verdict.Option{verdict.WithWorkloadsUnknown}, "a in TCP 10.9.0.1 80", byRule + pods},
		{"which no host is", hosts + gnp("{action: Allow, source: {selector: app == 'web'}}"), []verdict.Option{verdict.WithWorkloadsUnknown}, "a in TCP 10.0.0.2 80", endOfP},
		{"what it is known to choose it chooses", hosts + gnp("{action: Allow, source: {selector: role == 'host'}}"), []verdict.Option{verdict.WithWorkloadsUnknown}, "a in TCP 10.0.0.2 80", byP},
		{"a notSelector may, too", hosts + gnp("{action: Allow, source: {notSelector: app == 'web'}}"), []verdict.Option{verdict.WithWorkloadsUnknown}, "a in TCP 10.9.0.1 80", byRule + pods},
		{"a port's name may be that of a pod", hosts + "GNP p: {selector: role == 'host', types: [Egress], egress: [{action: Allow, protocol: TCP, destination: {ports: [pg]}}]}", []verdict.Option{verdict.WithWorkloadsUnknown}, "a out TCP 10.9.0.2 5432", `cannot be decided: rule 1 of egress of policy "p" in tier "default" ` + pods},
		{"it makes no difference to what another rule allows", hosts + gnp("{action: Allow, source: {selector: app == 'web'}}, {action: Allow}"), []verdict.Option{verdict.WithWorkloadsUnknown}, "a in UDP 192.0.2.1 53", `allowed by rule 2 of ingress of policy "p" in tier "default"`},
		{"nor to rules that choose by networks alone", hosts + gnp("{action: Allow, source: {nets: [192.0.2.0/24]}}"), []verdict.Option{verdict.WithWorkloadsUnknown}, "a in TCP 192.0.2.1 80", byP},
		{"of a range, hosts are no pods", hosts + gnp("{action: Deny, source: {selector: app == 'web'}}, {action: Allow}"), []verdict.Option{verdict.WithWorkloadsUnknown}, "a in TCP 10.0.0.2/31 80", `cannot be decided for 10.0.0.3: rule 1 of ingress of policy "p" in tier "default" ` + pods},
		{"a policy that is not read may decide about pods", shop, []verdict.Option{verdict.WithUnreadPolicies(`there is AdminNetworkPolicy "a"`)}, toWeb, `cannot be decided: there is AdminNetworkPolicy "a"`},
		{"and not about hosts, which it never selects", hosts + shop + open, []verdict.Option{verdict.WithUnreadPolicies(`there is AdminNetworkPolicy "a"`)}, "a in TCP 10.9.0.1 80", byOpen},
		{"where services are not read, a rule with one is not decided", hosts + gnp("{action: Allow, source: {services: {name: s, namespace: shop}}}"), nil, "a in TCP 10.9.0.1 80", byRule + "selects a Kubernetes service"},
		{"where Felix learns of none, it matches nothing", hosts + gnp("{action: Allow, source: {services: {name: s, namespace: shop}}}"), []verdict.Option{verdict.WithoutServices}, "a in TCP 10.9.0.1 80", endOfP},
		{"IPv6 is left alone where Felix is told so, at pods, too", shop + "Felix default: {ipv6Support: false}", nil, "shop/db in TCP fd09::9 80", `cannot be decided: FelixConfiguration "default" sets ipv6Support to false: Felix then does nothing about IPv6, whose rules stay as they are until the host starts anew, and are none from then on`},
		{"settings with which Felix does not start are no good for pods either", shop + "Felix default: {interfacePrefix: 'a b'}", nil, toWeb, `cannot be decided: Felix cannot work with FelixConfiguration "default", whose interfacePrefix is "a b"`},
		{"whether a pod may send tunnels' packets is not known if a FelixConfiguration may be for its node", shop + "Node n1: {labels: {x: v}}\nFelix mine: {nodeSelector: x = 1, allowVXLANPacketsFromWorkloads: true}", nil, "shop/web out UDP 192.0.2.1 4789", `cannot be decided: of node "n1" it is not known what the FelixConfigurations tell Felix about VXLAN packets from workloads`},
	} {
		w := verdict.New(parseCluster(t, test.world).all(), calico.Newest, test.options...)
		got, _ := ask(t, w, test.question)
		if got != test.want {
			t.Errorf("%s: %s\n got %s\nwant %s", test.reason, test.question, got, test.want)
		}
	}
}

func TestNotesOfWorkloads(t *testing.T) {
	twins := "10.9.0.1 is the address of several endpoints, and to a selector it is that of each: "
	for _, test := range []struct{ reason, world, question, want string }{
		{"two pods with one address are told of", shop + "Pod other/twin: {node: n1, ip: 10.9.0.1}", "shop/db in TCP 10.9.0.1 80", twins + `pod "twin" of namespace "other", pod "web" of namespace "shop"`},
		{"and so are a pod and a host", shop + "HEP h: {node: n1, interfaceName: eth0, expectedIPs: [10.9.0.1]}", "h in TCP 10.9.0.2 22", twins + `pod "web" of namespace "shop", host endpoint "h"`},
		{"what Return means is told of", shop + hosts + "Felix default: {defaultEndpointToHostAction: Return}", "shop/web -> a TCP 80", `with defaultEndpointToHostAction Return of FelixConfiguration "default", rules of the host's own that are not Calico's decide about this in the end`},
	} {
		_, v := ask(t, parseCluster(t, test.world).world(calico.Newest), test.question)
		if !slices.Contains(v.Notes, test.want) {
			t.Errorf("%s: %q, want %q", test.reason, v.Notes, test.want)
		}
	}
	_, v := ask(t, parseCluster(t, shop+hosts).world(calico.Newest), "shop/web -> shop/db TCP 80")
	if len(v.Notes) > 0 {
		t.Errorf("notes where there is nothing to tell: %q", v.Notes)
	}
}

func TestWorkloads(t *testing.T) {
	w := parseCluster(t, shop+hosts).world(calico.Newest)
	var names []string
	for _, ep := range w.Workloads() {
		names = append(names, ep.String())
	}
	if want := `[pod "job" of namespace "other" pod "db" of namespace "shop" pod "web" of namespace "shop"]`; "["+strings.Join(names, " ")+"]" != want {
		t.Errorf("workloads %v, want %s", names, want)
	}
	byPod, _ := w.Workload("shop", "web")
	byName, ok := w.Workload("shop", "n1-k8s-web-eth0")
	if !ok || byPod != byName || byPod.Workload.ServiceAccount != "front" || byPod.Node != "n1" {
		t.Errorf("by the pod's name %+v, by its own %+v", byPod, byName)
	}
	if _, ok := w.Workload("other", "web"); ok {
		t.Error("a pod of another namespace is found")
	}
	if _, ok := w.Endpoint("n1-k8s-web-eth0"); ok || len(w.Endpoints()) != 2 {
		t.Error("a workload endpoint is among the host endpoints")
	}
}
