package differential

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	jsoniter "github.com/json-iterator/go"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
)

// serverNamespace is one that each kube-apiserver makes.
const serverNamespace = "default"

// hasCRD tells whether Kubernetes stores objects of a kind: for a Profile and a Node
// its namespaces, service accounts and nodes stand in.
func hasCRD(kind calico.Kind) bool {
	return kind != calico.KindProfile && kind != calico.KindNode
}

// sentByClient is what a client of Calico makes of a manifest that it can read, but
// for what it fills in: that is for the server to do here.
func sentByClient(kind calico.Kind, text string) (string, error) {
	obj, err := readManifest(kind, text)
	if err != nil {
		return "", err
	}
	if kind.Namespaced() {
		obj.SetNamespace(serverNamespace)
	}
	if kind.Tiered() {
		// The client overwrites it, whatever a user writes.
		delete(obj.GetLabels(), v3.LabelTier)
	}
	if types := typesOfDeletion(obj); types != nil {
		*types = nil // so does the client
	}
	sent, err := jsoniter.ConfigCompatibleWithStandardLibrary.Marshal(obj)
	return string(sent), err
}

// typesOfDeletion returns the types of a policy that is the proposal to delete another
// one, and nil for all else.
func typesOfDeletion(obj calico.Object) *[]v3.PolicyType {
	switch o := obj.(type) {
	case *v3.StagedGlobalNetworkPolicy:
		if o.Spec.StagedAction == v3.StagedActionDelete {
			return &o.Spec.Types
		}
	case *v3.StagedNetworkPolicy:
		if o.Spec.StagedAction == v3.StagedActionDelete {
			return &o.Spec.Types
		}
	}
	return nil
}

// serverDisagreements compares our verdict with the server's. That they agree means:
//
//   - What both accept is filled in alike: see filledDifferently.
//   - Each cause that the server names is a field of ours, or leads to it, or lies below
//     it; or is of a rule that only Kubernetes has: see onlyKubernetes.
//   - Each of our faults is of a field that the server names; or of a rule that only
//     Calico's client has: see onlyClient. Rules on more than one field the server
//     looks at only if each field is good by itself.
//   - What we cannot read, the server refuses; unless it is a text or a number in a field
//     whose schema does not say what is in it: see looseFields.
func serverDisagreements(m manifest, ours judged, theirs served) []string {
	if ours.decodeError != nil {
		if theirs.accepted() && judge(serverRelease, m.kind, withoutLooseFields(m).String()).decodeError != nil {
			return []string{"Kubernetes accepts it, we cannot read it"}
		}
		return nil
	}
	// What we refuse for Felix's sake alone the server need not refuse; but it may.
	ofCalico := withoutStricter(serverRelease, ours)
	if len(ofCalico) == 0 && theirs.accepted() {
		return filledDifferently(ours.obj, theirs.object)
	}
	var problems []string
	if !theirs.accepted() && len(theirs.causes) == 0 {
		problems = append(problems, "Kubernetes refuses it without a cause")
	}
	explained := make([]bool, len(ours.errs))
	unchecked := false
	for _, c := range theirs.causes {
		if strings.Contains(c.Message, "some validation rules were not checked") {
			unchecked = true
			continue
		}
		found := onlyKubernetes(ours, c)
		for i, e := range ours.errs {
			if c.explains(e) {
				explained[i], found = true, true
			}
		}
		if !found {
			problems = append(problems, fmt.Sprintf("only Kubernetes reports %s: %.300s", c.Field, c.Message))
		}
	}
	if theirs.status == http.StatusBadRequest {
		return problems // it looks at nothing beside a field that it does not know
	}
	early := validate.Validate(ours.obj, clientRelease)
	for i, e := range ours.errs {
		known := !slices.Contains(ofCalico, e) || unchecked && isRule(e) || onlyClient(early, e)
		if !explained[i] && !known {
			problems = append(problems, fmt.Sprintf("only we report %.400s", e))
		}
	}
	return problems
}

// ruleFields are the rules of the schemas on more than one field, by what the server
// says of them, and the names of the fields of ours that are at fault then.
var ruleFields = map[string][]string{
	"at least one of interfaceName or expectedIPs must be specified": {"interfaceName"},
	"node must be specified": {"node"},

	"preDNAT and doNotTrack cannot both be true":                                              {"preDNAT"},
	"preDNAT policy cannot have any egress rules":                                             {"egress"},
	"preDNAT policy cannot have 'Egress' type":                                                {"types", "egress"},
	"applyOnForward must be true if either preDNAT or doNotTrack is true":                     {"applyOnForward"},
	"rules with HTTP match must have protocol TCP or unset":                                   {"protocol"},
	"HTTP match is only valid on Allow rules":                                                 {"http"},
	"ports and notPorts cannot be specified with services":                                    {"ports", "notPorts"},
	"ICMP code specified without an ICMP type":                                                {"code"},
	"The 'kube-admin' tier must have default action 'Pass'":                                   {"defaultAction"},
	"The 'kube-baseline' tier must have default action 'Pass'":                                {"defaultAction"},
	"The 'default' tier must have default action 'Deny'":                                      {"defaultAction"},
	"node and nodeSelector cannot both be set":                                                {"node"},
	"peerIP and peerSelector cannot both be set":                                              {"peerIP"},
	"asNumber must be empty when peerSelector is set":                                         {"asNumber"},
	"peerIP must be empty when localWorkloadSelector is set":                                  {"peerIP"},
	"peerSelector must be empty when localWorkloadSelector is set":                            {"peerSelector"},
	"asNumber is required when localWorkloadSelector is set":                                  {"asNumber"},
	"nodeMeshPassword cannot be set when nodeToNodeMeshEnabled is false":                      {"nodeMeshPassword"},
	"nodeMeshMaxRestartTime cannot be set when nodeToNodeMeshEnabled is false":                {"nodeMeshMaxRestartTime"},
	"cidr and matchOperator must both be set or both be empty":                                {"cidr", "matchOperator"},
	"cidr is required when prefixLength is set":                                               {"prefixLength"},
	"operations may only be used with action Accept":                                          {"operations"},
	"ipipMode and vxlanMode cannot both be enabled":                                           {"vxlanMode", "ipipMode"},
	"LoadBalancer IP pool cannot have IPIP or VXLAN enabled":                                  {"vxlanMode", "ipipMode"},
	"LoadBalancer cannot be combined with Workload or Tunnel allowed uses":                    {"allowedUses"},
	"IPIP is not supported on IPv6 pools":                                                     {"ipipMode"},
	"routeTableRange and routeTableRanges cannot both be set":                                 {"routeTableRange"},
	"nodeSelector must not be set on the 'default' or per-node ('node.*') FelixConfiguration": {"nodeSelector"},
}

// rule returns the fields of a rule on more than one field that a cause is of, or nil.
func (c cause) rule() []string {
	for message, fields := range ruleFields {
		if strings.HasSuffix(c.Message, ": "+message) {
			return fields
		}
	}
	return nil
}

// explains tells whether a fault of ours is what the server says.
func (c cause) explains(e *calico.FieldError) bool {
	field := e.Field.String()
	if fields := c.rule(); fields != nil {
		return (c.Field == "<nil>" || leadsTo(c.Field, field)) && slices.Contains(fields, lastField(e.Field))
	}
	if c.Field == "metadata.labels" && field == "spec.tier" {
		return true // an admission policy makes a label of the tier before it is looked at
	}
	// Of a whole object the server reports that one schema of several is not met, beside the
	// field that it is not met in.
	return c.Field == "<nil>" && isSchemaSummary(fieldFault{Reason: c.Message}) || leadsTo(c.Field, field) || leadsTo(field, c.Field)
}

// leadsTo tells whether a field is another one, or holds it.
func leadsTo(outer, inner string) bool {
	rest, ok := strings.CutPrefix(inner, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// lastField is the name of a field without its position in lists and maps.
func lastField(p calico.Path) string {
	for _, s := range slices.Backward(p.Steps()) {
		if s.Field != "" {
			return s.Field
		}
	}
	return ""
}

// isRule tells whether a fault of ours can be of a rule on more than one field.
func isRule(e *calico.FieldError) bool {
	for _, fields := range ruleFields {
		if slices.Contains(fields, lastField(e.Field)) {
			return true
		}
	}
	return false
}

// tooLarge is what the server says of a number that does not fit in 32 bits with a sign.
var tooLarge = regexp.MustCompile(`must be of type integer with format int32 in (\S+)$`)

// onlyKubernetes tells whether a cause is of a rule that only Kubernetes has.
func onlyKubernetes(ours judged, c cause) bool {
	if c.Reason == "FieldValueDuplicate" {
		// That a list is a set, the schemas say; Calico's client, which applies them too
		// when it writes to etcd, looks only at the rest of them.
		return true
	}
	if found := tooLarge.FindStringSubmatch(c.Message); found != nil {
		// AS numbers and marks have 32 bits without a sign. Kubernetes did not look at such
		// formats until lately, and Calico v3.32 is linked with code from before.
		n, ok := valueAt(ours.obj, found[1]).(float64)
		return ok && n > math.MaxInt32 && n <= math.MaxUint32
	}
	if pool, ok := ours.obj.(*v3.IPPool); ok && strings.HasSuffix(c.Message, "IPIP is not supported on IPv6 pools") {
		// The client spells IPv4 within IPv6 as IPv4 before the schemas see it.
		ip, _, err := net.ParseCIDR(pool.Spec.CIDR)
		return err == nil && ip.To4() != nil
	}
	// Of a proposal to delete a policy we say no more than that its other fields are to go.
	return leadsTo("spec", c.Field) && slices.ContainsFunc(ours.errs, func(e *calico.FieldError) bool {
		return strings.Contains(e.Reason, `stagedAction "Delete" has no other field`)
	})
}

// clientRelease is a release of which an oracle says what its client refuses.
var clientRelease = calico.Release{Major: 3, Minor: 31}

// onlyClient tells whether a fault is of a rule that only Calico's client has. early are
// the faults that we find in the object for clientRelease, which applies no schemas: what
// is among them is a rule of the client.
func onlyClient(early calico.FieldErrors, e *calico.FieldError) bool {
	reason := strings.ReplaceAll(e.Reason, serverRelease.String(), clientRelease.String())
	return newInClient[e.Field.String()] || slices.ContainsFunc(early, func(other *calico.FieldError) bool {
		return other.Field.String() == e.Field.String() && other.Reason == reason
	})
}

// newInClient are the fields for which the client of v3.32 has a rule that clientRelease
// does not have, and that no schema has.
var newInClient = map[string]bool{
	"spec.bpfKubeProxyHealthzPort": true, // its tag
	"spec.order":                   true, // of the tiers kube-admin and kube-baseline
}

// looseFields are the fields in which the schemas take any number or text, any text for a
// duration, or any whole number for one without a sign: it is for Calico's types to read
// them. They are named with what they are in if a field of another type has their name.
var looseFields = map[string]bool{
	"source.ports": true, "source.notPorts": true, "destination.ports": true, "destination.notPorts": true,
	"protocol": true, "notProtocol": true,
	"kubeNodePortRanges": true, "natPortRange": true, "bpfPSNATPorts": true, "istioDSCPMark": true,

	"dataplaneWatchdogTimeout": true, "nftablesRefreshInterval": true, "healthTimeoutOverrides.timeout": true,
	"keepaliveTime": true, "maxRestartTime": true, "nodeMeshMaxRestartTime": true,
	"etcdV3CompactionPeriod": true, "leakGracePeriod": true, "reconcilerPeriod": true,

	"asNumber": true, "localASNumber": true, "asPathPrefix": true, "prependASPath.prefix": true,
	"iptablesMarkMask": true, "nftablesMarkMask": true, "ttlSecurity": true,
	"failsafeInboundHostPorts.port": true, "failsafeOutboundHostPorts.port": true,
}

// withoutLooseFields returns a manifest without its loose fields.
func withoutLooseFields(m manifest) manifest {
	m.tree, _ = withoutLoose("", m.tree).(object)
	return m
}

func withoutLoose(in string, v any) any {
	switch v := v.(type) {
	case object:
		c := object{}
		for name, field := range v {
			// For a text with a format Kubernetes takes an empty list, too.
			list, isList := field.([]any)
			loose := looseFields[name] || looseFields[in+"."+name] || name == "cidr" && isList && len(list) == 0
			if !loose {
				c[name] = withoutLoose(name, field)
			}
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = withoutLoose(in, e)
		}
		return c
	default:
		return v
	}
}

// jsonOf is an object as the types of Calico encode it.
func jsonOf(obj calico.Object) any {
	text, err := jsoniter.ConfigCompatibleWithStandardLibrary.Marshal(obj)
	if err != nil {
		panic(err) // it has been read from JSON
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		panic(err)
	}
	return value
}

var pathStep = regexp.MustCompile(`[^.\[\]]+`)

// valueAt returns the value of a field, such as spec.exportV4[0].asPathPrefix[1].
func valueAt(obj calico.Object, path string) any {
	value := jsonOf(obj)
	for _, step := range pathStep.FindAllString(path, -1) {
		switch v := value.(type) {
		case object:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// filledByOne tells whether only one of Calico's client and Kubernetes fills in a field.
func filledByOne(obj calico.Object, path string, theirs, ours any) bool {
	kind := calico.KindOf(obj)
	switch string(kind) + " " + path {
	case "IPPool spec.allowedUses", "IPPool spec.blockSize", "IPPool spec.ipipMode", "IPPool spec.nodeSelector", "IPPool spec.vxlanMode",
		"KubeControllersConfiguration spec.prometheusMetricsPort", "KubeControllersConfiguration spec.controllers.node.leakGracePeriod", "Tier spec.order":
		return theirs == nil // the client
	case "IPPool spec.cidr":
		return ours == calico.CanonicalNet(fmt.Sprint(theirs)) // the client spells it
	case "FelixConfiguration spec.nftablesMode":
		return ours == nil // both; we leave it out on purpose: see Default
	case "BGPConfiguration spec.logSeverityScreen":
		// Both; we leave it out of all but the default one, as it would take the place there
		// of what the default one says.
		return ours == nil && obj.GetName() != calico.DefaultName
	case "StagedGlobalNetworkPolicy spec.types", "StagedNetworkPolicy spec.types":
		return typesOfDeletion(obj) != nil // the client takes them out, and an admission policy puts them in
	}
	// In the native form the client does not keep the name in an annotation.
	return kind.Tiered() && path == "metadata.annotations."+storage.MetadataAnnotation
}

// filledDifferently compares what the server would store with what we would. Both are
// read and written by the types of Calico, which spell ports and protocols in one way.
func filledDifferently(obj calico.Object, stored string) []string {
	back := calico.KindOf(obj).New()
	if err := decodeStrictly(stored, back); err != nil {
		return []string{"what Kubernetes stores cannot be read: " + err.Error()}
	}
	_, value, err := storage.Encode(obj, nil, serverRelease, storage.Fresh{UID: string(back.GetUID()), Created: back.GetCreationTimestamp().Time})
	if err != nil {
		return []string{"Encode: " + err.Error()}
	}
	var ours any
	if err := json.Unmarshal(value, &ours); err != nil {
		return []string{err.Error()}
	}
	back.SetManagedFields(nil)
	back.SetGeneration(0)
	var problems []string
	differences("", jsonOf(back), ours, func(path string, theirs, ours any) {
		if !filledByOne(obj, path, theirs, ours) {
			problems = append(problems, fmt.Sprintf("Kubernetes stores %s as %.200v, and we as %.200v", path, theirs, ours))
		}
	})
	return problems
}

// differences calls found for each field that two values do not have alike.
func differences(path string, a, b any, found func(path string, a, b any)) {
	ao, aok := a.(object)
	bo, bok := b.(object)
	if !aok && a != nil || !bok && b != nil || !aok && !bok {
		if !reflect.DeepEqual(a, b) {
			found(path, a, b)
		}
		return
	}
	keys := maps.Clone(ao)
	if keys == nil {
		keys = object{}
	}
	maps.Copy(keys, bo)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		differences(strings.TrimPrefix(path+"."+key, "."), ao[key], bo[key], found)
	}
}
