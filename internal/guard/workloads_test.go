package guard

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/traffic"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// podOf is what Calico makes of a pod of namespace shop.
func podOf(name, app, ip string) calico.Object {
	p := &cluster.Pod{Metadata: cluster.Meta{Namespace: "shop", Name: name, Labels: map[string]string{"app": app}}}
	p.Spec.NodeName, p.Status.PodIP, p.Status.Phase = "n1", ip, "Running"
	return p.WorkloadEndpoint()
}

func podsOf(t *testing.T, labels string) *traffic.Selection {
	t.Helper()
	parsed, err := selector.Parse(labels)
	if err != nil {
		t.Fatal(err)
	}
	return &traffic.Selection{Workloads: true, Labels: parsed}
}

// A policy that cuts pods off, or lets them in, is told of where such a flow is watched
// over, and others are not. What follows from policies is watched over at hosts all the
// same.
func TestWorkloadsAreWatched(t *testing.T) {
	t.Parallel()
	web, db := podsOf(t, "app == 'web'"), podsOf(t, "app == 'db'")
	toDB := Flow{Name: "db", From: web, To: db, Traffic: verdict.Flow{Protocol: address.Protocol("TCP"), Port: 5432}}
	policy := func(rules string) calico.Object {
		p := v3.NewNetworkPolicy()
		p.Name, p.Namespace = "db", "shop"
		p.Spec.Tier, p.Spec.Selector, p.Spec.Types = "default", "app == 'db'", []v3.PolicyType{v3.PolicyTypeIngress}
		if rules != "" {
			p.Spec.Ingress = []v3.Rule{{Action: v3.Allow, Source: v3.EntityRule{Selector: rules}}}
		}
		return p
	}
	id := calico.ID{Kind: calico.KindNetworkPolicy, Namespace: "shop", Name: "db", Tier: "default"}
	profile := (&cluster.Namespace{Metadata: cluster.Meta{Name: "shop"}}).Profile()
	for reason, test := range map[string]struct {
		before, after calico.Object
		shut          bool
		want          string
	}{
		"a policy that lets them through":          {nil, policy("app == 'web'"), false, ""},
		"one with a slip":                          {nil, policy("app == 'wbe'"), false, `shop/app=web to shop/app=db: db (TCP port 5432 from workloads with app == 'web' to workloads with app == 'db'): denied by the end of tier "default"`},
		"the last that lets them through is empty": {policy("app == 'web'"), policy(""), false, "denied by the end of tier"},
		"what is cut already may stay so":          {policy(""), policy("app == 'x'"), false, ""},
		"a deletion that opens":                    {policy(""), nil, true, "allowed by rule 1 of ingress of profile"},
		"what is open already may stay so":         {nil, policy("app == 'web'"), true, ""},
		"a rule that opens":                        {policy(""), policy("app == 'web'"), true, "allowed by rule 1 of ingress of policy"},
		"a policy that closes":                     {policy("app == 'web'"), policy(""), true, ""},
	} {
		flow := toDB
		flow.Shut = test.shut
		g := &Guard{Lockout: Watch{Mode: Error}, Exposure: Watch{Mode: Error}}
		if test.shut {
			g.Exposure.Workloads = []Flow{flow}
		} else {
			g.Lockout.Workloads = []Flow{flow}
		}
		if !g.WatchesWorkloads() {
			t.Fatal("it watches over none")
		}
		g.Surround(Surroundings{Objects: []calico.Object{podOf("web-1", "web", "10.9.0.1"), podOf("db-0", "db", "10.9.0.2")}})
		objects := map[calico.ID]calico.Object{calico.IDOf(profile).Short(): profile}
		for _, tier := range calico.BuiltInTiers(calico.Newest) {
			objects[calico.IDOf(tier).Short()] = tier
		}
		if test.before != nil {
			objects[id.Short()] = test.before
		}
		g.Begin(calico.Newest, objects)
		breaches, _, _ := g.Foresee(Change{id: test.after})
		lines := strings.Join(Report(breaches), "\n")
		if test.want == "" && len(breaches) > 0 || test.want != "" && (len(breaches) != 1 || !strings.Contains(lines, test.want)) {
			t.Errorf("%s: %d breaches: %s, want %q", reason, len(breaches), lines, test.want)
		}
		relied, err := g.Check(calico.Newest, objects, Change{id: test.after})
		if (err != nil) != (test.want != "") {
			t.Errorf("%s: the write: %v", reason, err)
		}
		if err == nil && len(relied) == 0 {
			t.Errorf("%s: nothing was relied on", reason)
		}
	}
}

// Of a flow that fares in several ways, each part counts: the words of a verdict name one.
func TestPartsOfWorkloadsAreWatched(t *testing.T) {
	t.Parallel()
	policy := func(ports []numorstring.Port, nets ...string) calico.Object {
		p := v3.NewNetworkPolicy()
		tcp := numorstring.ProtocolFromString("TCP")
		p.Name, p.Namespace = "db", "shop"
		p.Spec.Tier, p.Spec.Selector, p.Spec.Types = "default", "app == 'db'", []v3.PolicyType{v3.PolicyTypeIngress}
		p.Spec.Ingress = []v3.Rule{{Action: v3.Allow, Protocol: &tcp, Source: v3.EntityRule{Nets: nets}, Destination: v3.EntityRule{Ports: ports}}}
		return p
	}
	ports := func(all ...uint16) (out []numorstring.Port) {
		for _, port := range all {
			out = append(out, numorstring.SinglePort(port))
		}
		return out
	}
	const everybody = "0.0.0.0/0"
	for reason, test := range map[string]struct {
		before, after calico.Object
		flow          Flow
		breached      bool
	}{
		"of two ports one is lost":         {policy(ports(80, 443)), policy(ports(80)), Flow{Traffic: verdict.Flow{Peer: netip.MustParsePrefix(everybody)}}, true},
		"one more port":                    {policy(ports(80)), policy(ports(80, 443)), Flow{Traffic: verdict.Flow{Peer: netip.MustParsePrefix(everybody)}}, false},
		"half of the world more is let in": {policy(ports(80), "10.0.0.0/8"), policy(ports(80), "10.0.0.0/8", "128.0.0.0/1"), Flow{Shut: true, Traffic: verdict.Flow{Port: 80, Peer: netip.MustParsePrefix(everybody)}}, true},
		"less is let in":                   {policy(ports(80), "10.0.0.0/8"), policy(ports(80), "10.1.0.0/16"), Flow{Shut: true, Traffic: verdict.Flow{Port: 80, Peer: netip.MustParsePrefix(everybody)}}, false},
		"less gets through":                {policy(ports(80), "10.0.0.0/8"), policy(ports(80), "10.1.0.0/16"), Flow{Traffic: verdict.Flow{Port: 80, Peer: netip.MustParsePrefix(everybody)}}, true},
	} {
		flow := test.flow
		flow.Of = podsOf(t, "app == 'db'")
		flow.Traffic.Protocol = address.Protocol("TCP")
		g := &Guard{Lockout: Watch{Mode: Error}, Exposure: Watch{Mode: Error}}
		if flow.Shut {
			g.Exposure.Workloads = []Flow{flow}
		} else {
			g.Lockout.Workloads = []Flow{flow}
		}
		g.Surround(Surroundings{Objects: []calico.Object{podOf("db-0", "db", "10.9.0.2")}})
		profile := (&cluster.Namespace{Metadata: cluster.Meta{Name: "shop"}}).Profile()
		objects := map[calico.ID]calico.Object{calico.IDOf(profile).Short(): profile}
		for _, tier := range calico.BuiltInTiers(calico.Newest) {
			objects[calico.IDOf(tier).Short()] = tier
		}
		id := calico.IDOf(test.before).Short()
		objects[id] = test.before
		g.Begin(calico.Newest, objects)
		breaches, _, after := g.Foresee(Change{id: test.after})
		if (len(breaches) > 0) != test.breached {
			t.Errorf("%s: %v", reason, Report(breaches))
		}
		if len(after.Unwatched()) > 0 {
			t.Errorf("%s: not watched: %v", reason, after.Unwatched())
		}
	}
}

// A flow for which nobody is chosen is told of, and what is accepted at some pods is not at
// others that no rule can tell from them.
func TestWorkloadsThatAreChosen(t *testing.T) {
	t.Parallel()
	closed := v3.NewNetworkPolicy()
	closed.Name, closed.Namespace = "closed", "shop"
	closed.Spec.Tier, closed.Spec.Types = "default", []v3.PolicyType{v3.PolicyTypeIngress}
	flow := func(labels string) Flow {
		return Flow{Of: podsOf(t, labels), Traffic: verdict.Flow{Protocol: address.Protocol("TCP"), Port: 80, Peer: netip.MustParsePrefix("192.0.2.0/24")}}
	}
	canary := podOf("web-2", "web", "10.9.0.3").(*calico.WorkloadEndpoint)
	canary.Labels["canary"] = "true"
	g := &Guard{Lockout: Watch{Mode: Error, Workloads: []Flow{flow("app == 'web'"), flow("app == 'wbe'")}}}
	g.Lockout.Accepted = []Acceptance{{Endpoints: podsOf(t, "canary == 'true'").Labels}}
	g.Surround(Surroundings{Objects: []calico.Object{podOf("web-1", "web", "10.9.0.2"), canary}})
	profile := (&cluster.Namespace{Metadata: cluster.Meta{Name: "shop"}}).Profile()
	g.Begin(calico.Newest, map[calico.ID]calico.Object{calico.IDOf(profile).Short(): profile})
	breaches, _, after := g.Foresee(Change{calico.IDOf(closed): closed})
	if nobody := after.Unwatched(); len(nobody) != 1 || !strings.Contains(nobody[0].Flow.String(), "wbe") || nobody[0].Reason != "" {
		t.Errorf("not watched: %v", nobody)
	}
	accepted, _, refused := g.Divide(breaches)
	if len(accepted) != 1 || len(refused) != 1 || !strings.Contains(accepted[0].Endpoint, "canary=true") {
		t.Errorf("accepted %v, refused %v", Report(accepted), Report(refused))
	}
}

// What is about too many pods to be looked at is told of, and nothing is written then.
func TestTooManyWorkloadsAreNotWatched(t *testing.T) {
	t.Parallel()
	all := &traffic.Selection{Workloads: true}
	flow := Flow{From: all, To: all, Traffic: verdict.Flow{Protocol: address.Protocol("TCP"), Port: 80}}
	var pods []calico.Object
	for i := range 300 {
		pods = append(pods, podOf(fmt.Sprintf("p%d", i), fmt.Sprintf("app%d", i), fmt.Sprintf("10.9.%d.%d", i/200, i%200+1)))
	}
	policy := v3.NewNetworkPolicy()
	policy.Name, policy.Namespace = "db", "shop"
	policy.Spec.Tier, policy.Spec.Selector, policy.Spec.Types = "default", "app == 'app1'", []v3.PolicyType{v3.PolicyTypeIngress}
	for mode, refused := range map[Mode]bool{Error: true, Warn: false} {
		g := &Guard{Lockout: Watch{Mode: mode, Workloads: []Flow{flow}}}
		g.Surround(Surroundings{Objects: pods})
		objects := map[calico.ID]calico.Object{}
		g.Begin(calico.Newest, objects)
		change := Change{calico.IDOf(policy): policy}
		_, _, after := g.Foresee(change)
		if unwatched := after.Unwatched(); len(unwatched) != 1 || !strings.Contains(unwatched[0].Reason, "90000 pairs") {
			t.Errorf("%s: not watched: %v", mode, unwatched)
		}
		if _, err := g.Check(calico.Newest, objects, change); (err != nil) != refused {
			t.Errorf("%s: the write: %v", mode, err)
		}
	}
}
