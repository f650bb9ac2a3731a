package traffic_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/traffic"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// aPod is what Calico makes of a pod.
func aPod(namespace, name, node, ip string, labels map[string]string) calico.Object {
	p := &cluster.Pod{Metadata: cluster.Meta{Namespace: namespace, Name: name, Labels: labels}}
	p.Spec.NodeName, p.Status.PodIP, p.Status.Phase = node, ip, "Running"
	return p.WorkloadEndpoint()
}

func app(name string) map[string]string { return map[string]string{"app": name} }

// aNamespace is what Calico makes of a namespace.
func aNamespace(name, team string) calico.Object {
	return (&cluster.Namespace{Metadata: cluster.Meta{Name: name, Labels: map[string]string{"team": team}}}).Profile()
}

// shop is a namespace with two pods of web on two nodes and one of db, and another namespace
// with a pod.
func shop() []calico.Object {
	return []calico.Object{
		aNamespace("shop", "blue"), aNamespace("ops", "red"),
		aPod("shop", "web-1", "n1", "10.9.0.1", map[string]string{"app": "web", "pod": "1"}),
		aPod("shop", "web-2", "n2", "10.9.0.2", map[string]string{"app": "web", "pod": "2"}),
		aPod("shop", "db-0", "n1", "10.9.0.3", app("db")),
		aPod("ops", "tool", "n1", "10.9.0.4", app("tool")),
	}
}

// dbOnly lets those that a selector chooses reach the pods of db, TCP 5432.
func dbOnly(from string) calico.Object {
	p := v3.NewNetworkPolicy()
	tcp := numorstring.ProtocolFromString("TCP")
	p.Name, p.Namespace = "db", "shop"
	p.Spec = v3.NetworkPolicySpec{
		Tier: "default", Selector: "app == 'db'", Types: []v3.PolicyType{v3.PolicyTypeIngress},
		Ingress: []v3.Rule{{Action: v3.Allow, Protocol: &tcp, Source: v3.EntityRule{Selector: from}, Destination: v3.EntityRule{Ports: []numorstring.Port{numorstring.SinglePort(5432)}}}},
	}
	return p
}

func world(objects ...calico.Object) *verdict.World {
	all := slices.Clone(objects)
	for _, tier := range calico.BuiltInTiers(calico.Newest) {
		all = append(all, tier)
	}
	return verdict.New(all, calico.Newest)
}

func choose(t *testing.T, labels string, namespaces ...string) traffic.End {
	t.Helper()
	end := traffic.End{Selection: traffic.Selection{Workloads: true, Namespaces: namespaces}}
	if labels != "" {
		parsed, err := selector.Parse(labels)
		if err != nil {
			t.Fatal(err)
		}
		end.Labels = parsed
	}
	return end
}

func onPort(from, to traffic.End, port uint16) traffic.Flow {
	return traffic.Flow{From: from, To: to, Protocol: numorstring.ProtocolFromString("TCP"), Port: port}
}

// told spells answers, a line each.
func told(answers []traffic.Answer) string {
	var lines []string
	outcome := func(c *verdict.Course) string {
		if c == nil {
			return "none"
		}
		return c.Outcome.String()
	}
	for _, a := range answers {
		lines = append(lines, fmt.Sprintf("%s -> %s x%d: %s, %s", a.From, a.To, a.Count, outcome(a.Before), outcome(a.After)))
	}
	return strings.Join(lines, "\n")
}

func ask(t *testing.T, before, after *verdict.World, flow traffic.Flow) string {
	t.Helper()
	answers, err := traffic.NewQuestion(before, after, []traffic.Flow{flow}).Ask(flow)
	if err != nil {
		t.Fatal(err)
	}
	return told(answers)
}

func TestAsk(t *testing.T) {
	t.Parallel()
	open := world(shop()...)
	closed := world(append(shop(), dbOnly("app == 'web'"))...)
	hosts := append(shop(), &v3.HostEndpoint{})
	h := v3.NewHostEndpoint()
	h.Name, h.Spec.Node, h.Spec.InterfaceName, h.Spec.ExpectedIPs = "n3-eth0", "n3", "eth0", []string{"10.0.0.3"}
	hosts[len(hosts)-1] = h
	network := func(text string) traffic.End { return traffic.End{Net: netip.MustParsePrefix(text)} }
	for reason, test := range map[string]struct {
		before, after *verdict.World
		flow          traffic.Flow
		want          string
	}{
		// web-1 is on the node of db, and web-2 is not: two pairs that are told apart.
		"pods of one selection to those of another": {open, closed, onPort(choose(t, "app == 'web'", "shop"), choose(t, "app == 'db'", "shop"), 5432), "shop/app=web -> shop/app=db x1: allowed, allowed\nshop/app=web -> shop/app=db x1: allowed, allowed"},
		"and to another port":                       {open, closed, onPort(choose(t, "app == 'web'", "shop"), choose(t, "app == 'db'", "shop"), 80), "shop/app=web -> shop/app=db x1: allowed, denied\nshop/app=web -> shop/app=db x1: allowed, denied"},
		"from another namespace":                    {open, closed, onPort(choose(t, "", "ops"), choose(t, "app == 'db'", "shop"), 5432), "ops/app=tool -> shop/app=db x1: allowed, denied"},
		// No policy looks at labels of the pods of shop in the world that is open.
		"pods that nothing tells apart":      {open, open, onPort(choose(t, "", "ops"), choose(t, "", "shop"), 80), "ops -> shop x2: allowed, allowed\nops -> shop x1: allowed, allowed"},
		"none is asked about itself":         {open, open, onPort(choose(t, "", "ops"), choose(t, "", "ops"), 80), ""},
		"those of one kind among each other": {open, open, onPort(choose(t, "app == 'web'", "shop"), choose(t, "app == 'web'", "shop"), 80), "shop/app=web -> shop/app=web x2: allowed, allowed"},
		"from a network":                     {open, closed, onPort(network("192.0.2.0/24"), choose(t, "", "shop"), 5432), " -> shop/app=db x1: allowed, denied\n -> shop/app=web x2: allowed, allowed"},
		"to a network":                       {open, closed, onPort(choose(t, "", "shop"), network("192.0.2.0/24"), 443), "shop/app=db ->  x1: allowed, allowed\nshop/app=web ->  x2: allowed, allowed"},
		// One address that a pod has stands for the pod, with its policies.
		"to an address of a pod":     {open, closed, onPort(choose(t, "", "ops"), network("10.9.0.3/32"), 5432), "ops/app=tool -> shop/app=db x1: allowed, denied"},
		"a host endpoint that comes": {open, world(hosts...), onPort(traffic.End{Selection: traffic.Selection{Hosts: true}}, choose(t, "app == 'tool'", "ops"), 80), "n3-eth0 -> ops/app=tool x1: none, denied"},
		"nobody":                     {open, closed, onPort(choose(t, "app == 'wbe'", "shop"), choose(t, "", "shop"), 80), ""},
	} {
		if got := ask(t, test.before, test.after, test.flow); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", reason, got, test.want)
		}
	}
}

// The labels of namespaces choose, too, and a change of these shows.
func TestAskOfNamespaces(t *testing.T) {
	t.Parallel()
	red, err := selector.Parse("team == 'red'")
	if err != nil {
		t.Fatal(err)
	}
	p := v3.NewGlobalNetworkPolicy()
	p.Name = "red"
	p.Spec = v3.GlobalNetworkPolicySpec{Tier: "default", NamespaceSelector: "team == 'red'", Types: []v3.PolicyType{v3.PolicyTypeIngress}}
	before := append(shop(), p)
	after := slices.Clone(before)
	after[0] = aNamespace("shop", "red")
	all := onPort(choose(t, "", "ops"), choose(t, "", "shop"), 80)
	if got, want := ask(t, world(before...), world(after...), all), "ops -> shop x2: allowed, denied\nops -> shop x1: allowed, denied"; got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
	chosen := onPort(choose(t, "", "ops"), traffic.End{Selection: traffic.Selection{Workloads: true, NamespaceLabels: red}}, 80)
	if got := ask(t, world(before...), world(after...), chosen); !strings.Contains(got, "-> shop x2: none, denied") || strings.Contains(got, "allowed") {
		t.Errorf("\n%s", got)
	}
}

// A question that nobody could read the answer of is refused.
func TestAskTooMuch(t *testing.T) {
	t.Parallel()
	objects := []calico.Object{aNamespace("shop", "blue")}
	for i := range 400 {
		ip := fmt.Sprintf("10.9.%d.%d", i/200, i%200+1)
		objects = append(objects, aPod("shop", fmt.Sprintf("p%d", i), "n1", ip, app(fmt.Sprintf("app%d", i))))
	}
	w := world(append(objects, dbOnly("app == 'app1'"))...)
	flow := onPort(choose(t, "", "shop"), choose(t, "", "shop"), 80)
	_, err := traffic.NewQuestion(w, w, []traffic.Flow{flow}).Ask(flow)
	var tooMany *traffic.TooManyError
	if !errors.As(err, &tooMany) || tooMany.Pairs != 400*400 {
		t.Errorf("400 pods to 400: %v", err)
	}
	// Nothing looks at the label that differs.
	w = world(objects...)
	if got := ask(t, w, w, flow); got != "shop -> shop x159600: allowed, allowed" {
		t.Errorf("400 equal pods: %s", got)
	}
}
