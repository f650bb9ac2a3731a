package validate

import (
	"math"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

// policy checks a policy of any kind.
func (c *checker) policy(obj calico.Object) {
	p, ok := calico.PolicyOf(obj)
	if !ok {
		panic(calico.UnknownKind(obj))
	}
	c.policyMetadata(obj, p)
	spec := calico.NewPath("spec")
	if p.StagedAction != nil {
		c.stagedAction(spec.Field("stagedAction"), *p.StagedAction)
	}
	c.tier(spec.Field("tier"), *p.Tier)
	if p.Deletes() {
		c.nothingBesideDelete(spec, p)
		return
	}
	site := ruleSite{policy: true, namespaced: p.Global == nil}
	c.order(spec.Field("order"), *p.Order)
	c.rules(spec.Field("ingress"), *p.Ingress, site)
	site.egress = true
	c.rules(spec.Field("egress"), *p.Egress, site)
	if p.Global != nil && *p.Global.PreDNAT && len(*p.Egress) > 0 {
		c.rejectWithin(spec, spec.Field("egress"), nil, "A policy with preDNAT is applied to incoming traffic only: remove its egress rules, or preDNAT.")
	}
	c.plainSelector(spec.Field("selector"), *p.Selector)
	c.policyTypes(spec.Field("types"), *p.Types)
	if p.Global != nil {
		c.preDNATAndDoNotTrack(spec, *p.Types, p.Global)
	}
	c.plainSelector(spec.Field("serviceAccountSelector"), *p.ServiceAccountSelector)
	if p.Global != nil {
		c.plainSelector(spec.Field("namespaceSelector"), *p.Global.NamespaceSelector)
	}
	c.performanceHints(spec.Field("performanceHints"), *p.PerformanceHints)
}

// preDNATAndDoNotTrack checks what a policy with one of them must be like.
func (c *checker) preDNATAndDoNotTrack(spec calico.Path, types []v3.PolicyType, p *calico.GlobalPolicy) {
	if i := slices.Index(types, v3.PolicyTypeEgress); *p.PreDNAT && i >= 0 {
		c.rejectWithin(spec, spec.Field("types").Index(i), string(v3.PolicyTypeEgress),
			"A policy with preDNAT is applied to incoming traffic only: write \"Ingress\" as its only type, or remove preDNAT.")
	}
	if *p.DoNotTrack && *p.PreDNAT {
		c.rejectWithin(spec, spec.Field("preDNAT"), true, "A policy has either doNotTrack or preDNAT, not both: write it as two policies.")
	}
	if !*p.ApplyOnForward && (*p.DoNotTrack || *p.PreDNAT) {
		c.rejectWithin(spec, spec.Field("applyOnForward"), false, "A policy with doNotTrack or preDNAT is applied to forwarded traffic too, and must say so: write true.")
	}
}

// tier checks the tier of a policy. Whether it exists is for the datastore to say.
func (c *checker) tier(field calico.Path, tier string) {
	naming := storage.NamingOf(c.release)
	switch {
	case tier == "" || tier == calico.DefaultTier:
		// The only tier of releases that have none, where storing leaves it out.
	case !isDNSName(tier):
		c.dnsName(field, "The name of a tier", tier)
	case naming == storage.NamingPrefixed:
		c.reject(field, tier, "Calico %s has no tiers, they came with v3.29: leave tier out.", c.release)
	case naming == storage.NamingPlain && len(tier) > maxLabelName:
		// The client makes a label of it, which is then checked as any label is.
		c.reject(field, tier, "The name of a tier has at most %d characters, and this one %d.", maxLabelName, len(tier))
	}
}

// order checks the order of a policy or a tier. Calico compares what it reads
// from JSON, which can hold any number but these.
func (c *checker) order(field calico.Path, order *float64) {
	if order != nil && (math.IsNaN(*order) || math.IsInf(*order, 0)) {
		c.reject(field, *order, "The order is a number, whole or fractional, of limited size.")
	}
}

// policyTypeWords holds the types of a policy under the words that they go by
// elsewhere.
var policyTypeWords = map[string]string{
	"ingress": string(v3.PolicyTypeIngress), "in": string(v3.PolicyTypeIngress), "inbound": string(v3.PolicyTypeIngress),
	"egress": string(v3.PolicyTypeEgress), "out": string(v3.PolicyTypeEgress), "outbound": string(v3.PolicyTypeEgress),
}

// policyTypes checks the directions that a policy governs.
func (c *checker) policyTypes(field calico.Path, types []v3.PolicyType) {
	isType := func(s string) bool { return s == string(v3.PolicyTypeIngress) || s == string(v3.PolicyTypeEgress) }
	for i, t := range types {
		if s := string(t); !isType(s) {
			c.reject(field.Index(i), s, "The type of a policy is \"Ingress\" or \"Egress\"%s", instead(isType, policyTypeWords[strings.ToLower(s)]))
		}
	}
	for _, i := range repeated(types) {
		c.rejectWithin(field, field.Index(i), string(types[i]), "Each type is listed once: remove one of the two.")
	}
}

// performanceHints checks the hints of a policy. libcalico-go does not look at
// the single hints of a list that holds one twice.
func (c *checker) performanceHints(field calico.Path, hints []v3.PolicyPerformanceHint) {
	for i, h := range hints {
		if h != v3.PerfHintAssumeNeededOnEveryNode {
			c.reject(field.Index(i), string(h), "The only hint that Calico knows is %q.", v3.PerfHintAssumeNeededOnEveryNode)
		}
	}
	for _, i := range repeated(hints) {
		c.rejectWithin(field, field.Index(i), string(hints[i]), "Each hint is listed once: remove one of the two.")
	}
}
