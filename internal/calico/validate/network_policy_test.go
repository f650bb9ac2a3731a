package validate

import (
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

// All kinds of policies are checked alike, as far as they have the fields.
func TestValidateEveryPolicy(t *testing.T) {
	for _, obj := range []calico.Object{objecttest.Policy(), objecttest.NetworkPolicy(), objecttest.StagedPolicy(), objecttest.StagedNetworkPolicy()} {
		checkFaults(t, obj, objecttest.V3310)
		p, _ := calico.PolicyOf(obj)
		*p.Tier, *p.Selector, *p.ServiceAccountSelector = "Sec", "(", "global()"
		*p.Ingress = []v3.Rule{{Action: "x"}}
		*p.Egress = []v3.Rule{{Action: "x"}}
		*p.Types = []v3.PolicyType{"x"}
		*p.PerformanceHints = []v3.PolicyPerformanceHint{"x"}
		obj.SetName("ossg.p")
		want := []fault{
			at("spec.tier", `write "sec".`), at("spec.ingress[0].action", ""), at("spec.egress[0].action", ""), at("spec.selector", ""),
			at("spec.types[0]", ""), at("spec.serviceAccountSelector", "remove it here"), at("spec.performanceHints[0]", ""),
		}
		checkFaults(t, obj, objecttest.V3310, want...)
		checkFaults(t, obj, objecttest.V3320, want...)
	}
}

// A rule of a policy in a namespace finds its services there.
func TestValidateServicesOfNetworkPolicy(t *testing.T) {
	p := objecttest.NetworkPolicy()
	p.Spec.Ingress = []v3.Rule{{Action: v3.Allow, Source: v3.EntityRule{Services: &v3.ServiceMatch{Name: "web"}}}}
	checkFaults(t, p, objecttest.V3310)
	p.Spec.Egress = p.Spec.Ingress
	checkFaults(t, p, objecttest.V3310, at("spec.egress[0].source.services", "as its destination only"))
	global := objecttest.Policy(p.Spec.Ingress...)
	checkFaults(t, global, objecttest.V3310, at(theSource+".services.namespace", "no namespace"))
}

func TestValidateNetworkPolicyName(t *testing.T) {
	const kubernetes = "belong to the policies that Calico makes of those of Kubernetes"
	for _, tt := range []struct {
		name string
		// reasons by convention, in the tier "default"; "" where the name is accepted.
		until28, until31, from32 string
	}{
		{"p", "", "", ""},
		{"default.p", "is one word", "", ""},
		{"sec.p", "is one word", `set tier to "sec"`, ""},
		{"ossg.p", "is one word", "", ""},
		{"ossg.default.p", "", "", ""},
		{"ossg.default.a.b", "", "", ""},
		{"ossg.default.a_b", "is one word", "or two with a dot", "or two with a dot"},
		{"ossg.default.", "is one word", "or two with a dot", "or two with a dot"},
		{"ossg.sec.p", "is one word", "or two with a dot", "or two with a dot"},
		{"knp.default.p", kubernetes, kubernetes, kubernetes},
		{"knp.default.P", kubernetes, kubernetes, kubernetes},
		{"knp.p", "is one word", `set tier to "knp"`, ""},
		{"ossg.default." + strings.Repeat("a", 241), "at most 253", "at most 253", "at most 253"},
	} {
		p := objecttest.NetworkPolicy()
		p.Name = tt.name
		for _, r := range objecttest.Releases {
			reason := map[storage.Naming]string{storage.NamingPrefixed: tt.until28, storage.NamingTiered: tt.until31, storage.NamingAnnotated: tt.until31, storage.NamingPlain: tt.from32}[storage.NamingOf(r)]
			want := at("metadata.name", reason)
			if strings.Contains(reason, "set tier to") {
				want.within = object
			}
			if reason == "" {
				checkFaults(t, p, r)
			} else {
				checkFaults(t, p, r, want)
			}
		}
	}
	// v3.32's own client would write a staged one.
	s := objecttest.StagedNetworkPolicy()
	s.Name = "knp.default.p"
	checkFaults(t, s, objecttest.V3310, at("metadata.name", kubernetes))
	checkFaults(t, s, objecttest.V3320)
}

func TestValidateNamespace(t *testing.T) {
	set := v3.NewNetworkSet()
	set.Name = "s"
	for _, tt := range []struct{ namespace, reason string }{
		{"prod", ""},
		{"A b", ""}, // nobody checks that there is such a namespace
		{"", `or "default", which is what calicoctl takes`},
		{"a/b", "does not find objects again"},
	} {
		for _, obj := range []calico.Object{objecttest.NetworkPolicy(), objecttest.StagedNetworkPolicy(), set} {
			obj.SetNamespace(tt.namespace)
			var want []fault
			if tt.reason != "" {
				want = []fault{at("metadata.namespace", tt.reason)}
			}
			checkFaults(t, obj, objecttest.V3310, want...)
		}
	}
	tier := v3.NewTier()
	tier.Name = "sec"
	for _, obj := range []calico.Object{objecttest.Policy(), objecttest.StagedPolicy(), tier, objecttest.HostEndpoint()} {
		obj.SetNamespace("prod")
		checkFaults(t, obj, objecttest.V3310, at("metadata.namespace", "leave namespace out"))
	}
}

func TestValidateStagedAction(t *testing.T) {
	order := 0.0
	for _, tt := range []struct {
		name string
		edit func(*v3.StagedGlobalNetworkPolicySpec)
		want []fault
	}{
		{"none", func(*v3.StagedGlobalNetworkPolicySpec) {}, nil},
		{"Set", func(s *v3.StagedGlobalNetworkPolicySpec) { s.StagedAction, s.Selector = "Set", "all()" }, nil},
		{"Learn", func(s *v3.StagedGlobalNetworkPolicySpec) { s.StagedAction = "Learn" }, nil},
		{"Ignore", func(s *v3.StagedGlobalNetworkPolicySpec) { s.StagedAction = "Ignore" }, nil},
		{"lower case", func(s *v3.StagedGlobalNetworkPolicySpec) { s.StagedAction = "learn" }, []fault{at("spec.stagedAction", `write "Learn".`)}},
		{"another", func(s *v3.StagedGlobalNetworkPolicySpec) { s.StagedAction = "Update" }, []fault{at("spec.stagedAction", `"Learn" or "Ignore".`)}},
		{"Delete", func(s *v3.StagedGlobalNetworkPolicySpec) { s.StagedAction = "Delete" }, nil},
		{"Delete with a tier", func(s *v3.StagedGlobalNetworkPolicySpec) { s.StagedAction, s.Tier = "Delete", "default" }, nil},
		{"Delete with everything", func(s *v3.StagedGlobalNetworkPolicySpec) {
			*s = v3.StagedGlobalNetworkPolicySpec{
				StagedAction: "Delete", Order: &order, Ingress: []v3.Rule{}, Egress: []v3.Rule{{}}, Selector: "(", ServiceAccountSelector: "a", NamespaceSelector: "a",
				DoNotTrack: true, PreDNAT: true, ApplyOnForward: true, PerformanceHints: []v3.PolicyPerformanceHint{},
			}
		}, []fault{
			in("spec", "spec.order", "remove order"), in("spec", "spec.ingress", ""), in("spec", "spec.egress", ""), in("spec", "spec.selector", ""),
			in("spec", "spec.serviceAccountSelector", ""), in("spec", "spec.performanceHints", ""), in("spec", "spec.doNotTrack", ""),
			in("spec", "spec.preDNAT", ""), in("spec", "spec.applyOnForward", ""), in("spec", "spec.namespaceSelector", "write another stagedAction"),
		}},
	} {
		p := objecttest.StagedPolicy()
		tt.edit(&p.Spec)
		for _, r := range []calico.Release{objecttest.V3302, objecttest.V3310, objecttest.V3320} {
			t.Run(tt.name, func(t *testing.T) { checkFaults(t, p, r, tt.want...) })
		}
	}
}

// Kinds that came later are refused as a whole, whatever is in them.
func TestValidateKindsOfLaterReleases(t *testing.T) {
	for _, tt := range []struct {
		obj   calico.Object
		old   calico.Release
		since string
	}{
		{v3.NewTier(), objecttest.V3285, "v3.29.0"},
		{v3.NewStagedGlobalNetworkPolicy(), objecttest.V3296, "v3.30.0"},
		{v3.NewStagedNetworkPolicy(), objecttest.V3296, "v3.30.0"},
	} {
		checkFaults(t, tt.obj, tt.old, at("", "does not know the kind "+string(calico.KindOf(tt.obj))+", which came with "+tt.since))
	}
}
