package differential

import (
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// namedCasesOfKinds are the cases of policies in a namespace, of staged ones, and
// of tiers, sets and profiles.
func namedCasesOfKinds() []namedCase {
	const (
		name      = "metadata.name"
		namespace = `projectcalico.org/namespace`
		np        = calico.KindNetworkPolicy
		staged    = calico.KindStagedGlobalNetworkPolicy
		stagedNP  = calico.KindStagedNetworkPolicy
		tier      = calico.KindTier
		set       = calico.KindGlobalNetworkSet
		setNP     = calico.KindNetworkSet
		profile   = calico.KindProfile
	)
	of := func(kind calico.Kind, title, metadata, spec string) namedCase {
		return namedCase{name: string(kind) + ", " + title, kind: kind, metadata: metadata, spec: spec}
	}
	label63 := strings.Repeat("a", 63)
	longPath := `{"ingress":[{"action":"Allow","http":{"paths":[{"exact":"/` + strings.Repeat("x", 1024) + `"}]}}]}`
	return []namedCase{
		// Names in a namespace.
		of(np, "no namespace", `{"name":"p"}`, `{}`).storing(`"namespace":"default"`),
		of(np, "a namespace that Kubernetes would not have", `{"name":"p","namespace":"A b"}`, `{}`).storing(`"namespace":"A b"`),
		of(np, "a name of OpenStack's policies", `{"name":"ossg.default.a.b","namespace":"n"}`, `{}`).storing(`"name":"ossg.default.a.b"`),
		of(np, "a short name of OpenStack's policies", `{"name":"ossg.a","namespace":"n"}`, `{}`).verdicts(name, accepted, accepted),
		of(np, "a name of OpenStack's policies in another tier", `{"name":"ossg.default.a","namespace":"n"}`, `{"tier":"sec"}`).verdicts("spec.tier", accepted, accepted),
		of(np, "a name of Kubernetes' policies", `{"name":"knp.default.a","namespace":"n"}`, `{}`).always(name),
		of(np, "a name that begins like one of Kubernetes' policies", `{"name":"knp.default","namespace":"n"}`, `{"tier":"knp"}`).verdicts(name, accepted, accepted),
		of(np, "three parts", `{"name":"default.a.b","namespace":"n"}`, `{}`).always(name),
		of(stagedNP, "a name of Kubernetes' policies", `{"name":"knp.default.a","namespace":"n"}`, `{}`).verdicts(name, name, accepted),
		of(np, "services without a namespace", `{"name":"p","namespace":"n"}`, `{"egress":[{"action":"Allow","destination":{"services":{"name":"web"}}}]}`),
		of(np, "a field of global policies", `{"name":"p","namespace":"n"}`, `{"doNotTrack":true}`).always(undecodable),

		// What a staged policy proposes.
		of(staged, "no action", `{"name":"p"}`, `{}`),
		of(staged, "an action in lower case", `{"name":"p"}`, `{"stagedAction":"delete"}`).always("spec.stagedAction"),
		of(staged, "nothing beside Delete", `{"name":"p"}`, `{"stagedAction":"Delete"}`).storing(`"spec":{"stagedAction":"Delete"`),
		of(staged, "a tier beside Delete", `{"name":"sec.p"}`, `{"stagedAction":"Delete","tier":"sec"}`).storing(`"tier":"sec"`),
		of(staged, "types beside Delete, which are dropped", `{"name":"p"}`, `{"stagedAction":"Delete","types":["Ingress","Ingress"]}`).storing(`"spec":{"stagedAction":"Delete"`),
		of(staged, "false beside Delete", `{"name":"p"}`, `{"stagedAction":"Delete","doNotTrack":false}`),
		of(staged, "an order beside Delete", `{"name":"p"}`, `{"stagedAction":"Delete","order":0}`).always("spec.order"),
		of(staged, "an empty list beside Delete", `{"name":"p"}`, `{"stagedAction":"Delete","performanceHints":[]}`).always("spec.performanceHints"),
		of(stagedNP, "an empty list beside Delete", `{"name":"p"}`, `{"stagedAction":"Delete","ingress":[]}`).always("spec.ingress"),
		of(stagedNP, "faulty rules beside Delete", `{"name":"p"}`, `{"stagedAction":"Delete","ingress":[{"source":{"nets":["x"]}}],"selector":"global()"}`).always("spec.ingress"),
		of(staged, "pre-DNAT of outgoing traffic", `{"name":"p"}`, `{"stagedAction":"Learn","preDNAT":true,"applyOnForward":true,"types":["Egress"]}`).always("spec.types[0]"),

		// Tiers.
		of(tier, "defaults", `{"name":"sec"}`, `{}`).storing(`"spec":{"order":1000000,"defaultAction":"Deny"}`),
		of(tier, "63 characters", `{"name":"`+label63+`"}`, `{}`),
		of(tier, "64 characters", `{"name":"`+label63+`a"}`, `{}`).always(name),
		of(tier, "a dot", `{"name":"a.b"}`, `{}`).always(name),
		of(tier, "no name, on which v3.32's schema trips", `{}`, `{}`).always(name),
		of(tier, "an action of rules", `{"name":"sec"}`, `{"defaultAction":"Allow"}`).always("spec.defaultAction"),
		of(tier, "order minus zero", `{"name":"sec"}`, `{"order":-0.0}`).storing(`"order":`),
		of(tier, "another order of default", `{"name":"default"}`, `{"order":5}`).always("spec.order"),
		of(tier, "another action of default", `{"name":"default"}`, `{"defaultAction":"Pass"}`).verdicts(accepted, accepted, "spec.defaultAction"),
		of(tier, "no order of adminnetworkpolicy", `{"name":"adminnetworkpolicy"}`, `{}`).verdicts(accepted, "spec.order", accepted),
		of(tier, "no action of kube-admin", `{"name":"kube-admin"}`, `{"order":1000}`).verdicts(accepted, accepted, "spec.defaultAction"),

		// Sets of networks.
		of(set, "networks as they are spelled", `{"name":"s"}`, `{"nets":["10.0.0.1","10.0.0.1/8","2001:DB8:0::1","::ffff:10.0.0.0/104","10.0.0.1"]}`).
			storing(`"nets":["10.0.0.1","10.0.0.1/8","2001:DB8:0::1","::ffff:10.0.0.0/104","10.0.0.1"]`),
		of(set, "no networks", `{"name":"s"}`, `{"nets":[]}`).storing(`"spec":{}`),
		of(set, "an empty text, of which Felix dies", `{"name":"s"}`, `{"nets":["10.0.0.1",""]}`).always("spec.nets[1]"),
		of(set, "leading zeros", `{"name":"s"}`, `{"nets":["10.0.0.01"]}`).always("spec.nets[0]"),
		of(set, "the label of a namespace", `{"name":"s","labels":{"`+namespace+`":"n"}}`, `{}`).always(`metadata.labels["` + namespace + `"]`),
		of(setNP, "the label of a namespace", `{"name":"s","labels":{"`+namespace+`":"n"}}`, `{}`).always(`metadata.labels["` + namespace + `"]`),
		of(setNP, "a namespace with a slash, which is lost", `{"name":"s","namespace":"a/b"}`, `{}`).always("metadata.namespace"),

		// Profiles.
		of(profile, "Calico's own", `{"name":"projectcalico-default-allow"}`, `{}`).always(name),
		of(profile, "a label that is none", `{"name":"p"}`, `{"labelsToApply":{"a b":"c"}}`).always(`spec.labelsToApply["a b"]`),
		of(profile, "what no policy may have", `{"name":"p"}`, `{"ingress":[{"action":"Pass","destination":{"services":{"name":"web"}}}],"egress":[{"action":"Allow","http":{}}]}`),
		// Profiles have no schema, so v3.32 does not limit them.
		of(profile, "an HTTP path of 1025 characters", `{"name":"p"}`, longPath),
	}
}
