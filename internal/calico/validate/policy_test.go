package validate

import (
	"math"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
)

func TestValidateGlobalNetworkPolicy(t *testing.T) {
	type spec = v3.GlobalNetworkPolicySpec
	const hint = v3.PerfHintAssumeNeededOnEveryNode
	allow := []v3.Rule{{Action: v3.Allow}}
	order := func(f float64) func(*spec) { return func(s *spec) { s.Order = &f } }
	for _, tt := range []struct {
		name string
		edit func(*spec)
		want []fault
	}{
		{"nothing", func(*spec) {}, nil},
		{"empty lists", func(s *spec) { *s = spec{Ingress: []v3.Rule{}, Egress: []v3.Rule{}, Types: []v3.PolicyType{}} }, nil},
		{"rules", func(s *spec) { s.Ingress, s.Egress = allow, allow }, nil},
		{"rules without a type", func(s *spec) { s.Egress, s.Types = allow, []v3.PolicyType{"Ingress"} }, nil},

		{"order", order(-1.5), nil},
		{"great order", order(math.MaxFloat64), nil},
		{"order that is no number", order(math.NaN()), []fault{at("spec.order", "The order is a number")}},
		{"order without limit", order(math.Inf(-1)), []fault{at("spec.order", "of limited size")}},

		{"selector", func(s *spec) { s.Selector = "has(a) && b in {'x'}" }, nil},
		{"blank selector", func(s *spec) { s.Selector = " \t" }, nil},
		{"selector with =", func(s *spec) { s.Selector = "a = 'b'" }, []fault{at("spec.selector", "write ==")}},
		{"selector of two lines", func(s *spec) { s.Selector = "a == 'b' &&\n  has(c)\n" }, []fault{at("spec.selector", `as one line: write "a == 'b' && has(c)".`)}},
		{"faulty selector of two lines", func(s *spec) { s.Selector = "a ==\n" }, []fault{at("spec.selector", "Calico cannot read this selector: in column 5, ")}},
		{"global selector", func(s *spec) { s.Selector = "global()" }, []fault{at("spec.selector", "only as the whole namespaceSelector of a rule")}},
		{"global in a value", func(s *spec) { s.Selector = "a == 'global()'" }, []fault{at("spec.selector", "remove it here")}},
		{"global with a blank", func(s *spec) { s.Selector = "global( )" }, nil},
		{"faulty global selector", func(s *spec) { s.Selector = "global() a" }, []fault{at("spec.selector", "cannot read"), at("spec.selector", "global()")}},
		{"other selectors", func(s *spec) { s.NamespaceSelector, s.ServiceAccountSelector = "all()", "has(a)" }, nil},
		{"faulty other selectors", func(s *spec) { s.NamespaceSelector, s.ServiceAccountSelector = "all", "(" },
			[]fault{at("spec.serviceAccountSelector", "found the end of the selector."), at("spec.namespaceSelector", "write all()")}},
		{"global other selectors", func(s *spec) { s.NamespaceSelector, s.ServiceAccountSelector = "global()", "!global()" },
			[]fault{at("spec.serviceAccountSelector", "global()"), at("spec.namespaceSelector", "global()")}},

		{"types", func(s *spec) { s.Types = []v3.PolicyType{"Egress", "Ingress"} }, nil},
		{"types in lower case", func(s *spec) { s.Types = []v3.PolicyType{"ingress", "outbound"} }, []fault{at("spec.types[0]", `write "Ingress".`), at("spec.types[1]", `write "Egress".`)}},
		{"no type", func(s *spec) { s.Types = []v3.PolicyType{""} }, []fault{at("spec.types[0]", `is "Ingress" or "Egress".`)}},
		{"type twice", func(s *spec) { s.Types = []v3.PolicyType{"Ingress", "Egress", "Ingress"} }, []fault{in("spec.types", "spec.types[2]", "listed once")}},

		{"untracked", func(s *spec) { s.DoNotTrack, s.ApplyOnForward, s.Egress = true, true, allow }, nil},
		{"before DNAT", func(s *spec) {
			s.PreDNAT, s.ApplyOnForward, s.Ingress, s.Types = true, true, allow, []v3.PolicyType{"Ingress"}
		}, nil},
		{"forwarded", func(s *spec) { s.ApplyOnForward = true }, nil},
		{"untracked and before DNAT", func(s *spec) { s.DoNotTrack, s.PreDNAT, s.ApplyOnForward = true, true, true }, []fault{in("spec", "spec.preDNAT", "not both")}},
		{"untracked, not forwarded", func(s *spec) { s.DoNotTrack = true }, []fault{in("spec", "spec.applyOnForward", "write true")}},
		{"before DNAT, not forwarded", func(s *spec) { s.PreDNAT = true }, []fault{in("spec", "spec.applyOnForward", "write true")}},
		{"before DNAT, going out", func(s *spec) { s.PreDNAT, s.ApplyOnForward, s.Egress = true, true, allow }, []fault{in("spec", "spec.egress", "remove its egress rules")}},
		{"before DNAT, governing what goes out", func(s *spec) {
			s.PreDNAT, s.ApplyOnForward, s.Types = true, true, []v3.PolicyType{"Ingress", "Egress"}
		}, []fault{in("spec", "spec.types[1]", `write "Ingress" as its only type`)}},

		{"hint", func(s *spec) { s.PerformanceHints = []v3.PolicyPerformanceHint{hint} }, nil},
		{"other hint", func(s *spec) { s.PerformanceHints = []v3.PolicyPerformanceHint{"x"} }, []fault{at("spec.performanceHints[0]", `is "AssumeNeededOnEveryNode"`)}},
		{"hint twice", func(s *spec) { s.PerformanceHints = []v3.PolicyPerformanceHint{hint, hint} }, []fault{in("spec.performanceHints", "spec.performanceHints[1]", "listed once")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := objecttest.Policy()
			tt.edit(&p.Spec)
			for _, r := range objecttest.Releases {
				checkFaults(t, p, r, tt.want...)
			}
		})
	}
}

func TestValidateTier(t *testing.T) {
	long := strings.Repeat("a", 64)
	for _, tt := range []struct {
		tier    string
		release calico.Release
		reason  string
	}{
		{"", objecttest.V3285, ""},
		{"default", objecttest.V3285, ""}, // what stores the policy leaves it out
		{"sec", objecttest.V3285, "Calico v3.28.5 has no tiers, they came with v3.29: leave tier out."},
		{"Sec", objecttest.V3285, `write "sec".`},
		{"sec", objecttest.V3290, ""},
		{"sec", objecttest.V3310, ""},
		{"Sec", objecttest.V3310, `write "sec".`},
		{"a.b", objecttest.V3310, ""}, // there can be no such tier, but that is not looked at here
		{"sec", objecttest.V3320, ""},
		{"a.b", objecttest.V3320, ""},
		{long, objecttest.V3310, ""},
		{long, objecttest.V3320, "at most 63 characters, and this one 64"},
	} {
		p := objecttest.Policy()
		p.Spec.Tier = tt.tier
		if tt.tier != "" {
			p.Name = "ossg.p" // the name that every tier takes
		}
		if tt.release == objecttest.V3285 {
			p.Name = "p"
		}
		if tt.reason == "" {
			checkFaults(t, p, tt.release)
		} else {
			checkFaults(t, p, tt.release, at("spec.tier", tt.reason))
		}
	}
}

// Faults come in the order of the fields.
func TestValidateOrder(t *testing.T) {
	p := objecttest.Policy(v3.Rule{}, v3.Rule{Action: "x"})
	p.Name = "P"
	p.Labels = map[string]string{"b ": "", "a ": ""}
	p.Spec.Selector = "("
	p.Spec.Egress = []v3.Rule{{}}
	p.Spec.Types = []v3.PolicyType{"x"}
	checkFaults(t, p, objecttest.V3310,
		at("metadata.name", ""), at(`metadata.labels["a "]`, ""), at(`metadata.labels["b "]`, ""),
		at("spec.ingress[0].action", ""), at("spec.ingress[1].action", ""), at("spec.egress[0].action", ""),
		at("spec.selector", ""), at("spec.types[0]", ""))
}
