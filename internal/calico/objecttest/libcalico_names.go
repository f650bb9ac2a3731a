package objecttest

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// LibcalicoNames returns the names by which libcalico-go reports faults of the
// field, and whether the field is in the table.
func LibcalicoNames(field calico.Path) ([]string, bool) {
	var generic strings.Builder
	var side, index string
	for _, s := range field.Steps() {
		name := s.Field
		switch {
		case s.IsKey:
			generic.WriteString(`[""]`)
			continue
		case name == "":
			index = strconv.Itoa(s.Index)
			generic.WriteString("[#]")
			continue
		case name == "ingress" || name == "egress":
			name = "rules"
		case name == "source":
			name, side = "@", "Source"
		case name == "destination":
			name, side = "@", "Destination"
		}
		if generic.Len() > 0 {
			generic.WriteByte('.')
		}
		generic.WriteString(name)
	}
	names, ok := libcalicoFields[generic.String()]
	names = slices.Clone(names)
	if i := slices.Index(names, "StagedSpec"); i >= 0 {
		names = append(names[:i], "StagedNetworkPolicySpec", "StagedGlobalNetworkPolicySpec")
	}
	names = append(names, plainLibcalicoFields[generic.String()]...)
	if more := goNames(field); more != nil {
		names, ok = append(names, more...), true
	}
	for i := range names {
		names[i] = strings.NewReplacer("#", index, "@", side).Replace(names[i])
	}
	return names, ok
}

// libcalicoFields tells by which names libcalico-go reports a fault that is
// reported here under a path: for the differential suite, and for who compares
// messages. Its names (ErroredField.Name) have no path, and often differ:
//
//   - # stands for the last index, @ for Source or Destination, rules for
//     ingress or egress.
//   - A field's own check reports its Go name; a check on more than one field
//     reports a text. Hence several names for one path.
//   - StagedSpec stands for the kind of a staged policy and Spec: what is beside
//     stagedAction Delete.
//   - libcalico-go reports a name, a label or an annotation twice, once for the
//     metadata and once for the policy; here it is once.
//   - Of a list with several faults of one sort, some checks report only the
//     list, or only the first: see "list".
//   - From v3.32 on the schema reports faults again, under the same path as here
//     or that of a parent of it. Only there are faults without a name below.
//
// Nothing stops libcalico-go from looking at the other fields after a fault, but
// for two things: JSON that its types cannot decode (a port of 70000 or 10:1, a
// protocol of 300 as a number) is refused before it looks at any field, and up
// to v3.29 it panics on a rule's namespaceSelector that does not parse.
//
// Known differences in what is refused at all:
//   - libcalico-go accepts an empty text in the nets of a set, of which each Felix
//     that reads it dies, and a namespace with a '/', under which it does not find
//     the object again. Both are refused here.
//   - Up to v3.28 libcalico-go does not know the field tier, and ignores what
//     calicoctl refuses; here any tier but "default" is refused.
//   - Up to v3.29 its selectors may have newlines in has( ), all( ), global( ) and
//     in two-word operators; package selector refuses them in every release.
//   - Up to v3.29 it accepts "a && !(!global())", and here it is refused.
//   - From v3.32 on its client overwrites the tier label, and fills in types,
//     before it looks at the object: call Default before Validate.
var libcalicoFields = map[string][]string{
	"metadata.name":                            {"Metadata.Name"}, // none for a tier prefix: a plain error of the client
	`metadata.labels[""]`:                      {"Metadata.Labels (label)", "Metadata.Labels (value)"},
	"metadata.annotations":                     {"Metadata.Annotations (key)"}, // sic, for their total size
	`metadata.annotations[""]`:                 {"Metadata.Annotations (key)"},
	"spec.node":                                {"Node", "InterfaceName"}, // InterfaceName, sic, for a missing node
	"spec.interfaceName":                       {"InterfaceName"},
	"spec.expectedIPs[#]":                      {"ExpectedIPs[#]"},
	"spec.profiles[#]":                         {"Profiles[#]"},
	"spec.ports[#].name":                       {"Name"},
	"spec.ports[#].protocol":                   {"Protocol", "EndpointPort.Protocol"},
	"spec.ports[#].port":                       {"Port"},
	"spec.tier":                                {"Tier", "Metadata.Labels (value)"}, // the label is made from it in v3.32; up to v3.28 no field
	"spec.order":                               {"TierSpec.Order", "StagedSpec"},    // none where JSON has no such number
	"spec.rules":                               {"PolicySpec.Egress", "StagedSpec"},
	"spec.selector":                            {"Selector", "GlobalNetworkPolicySpec.Selector", "NetworkPolicySpec.Selector", "StagedSpec"},
	"spec.namespaceSelector":                   {"NamespaceSelector", "GlobalNetworkPolicySpec.NamespaceSelector", "StagedSpec"},
	"spec.serviceAccountSelector":              {"ServiceAccountSelector", "GlobalNetworkPolicySpec.ServiceAccountSelector", "NetworkPolicySpec.ServiceAccountSelector", "StagedSpec"},
	"spec.types[#]":                            {"Types[#]", "GlobalNetworkPolicySpec.Types", "NetworkPolicySpec.Types", "PolicySpec.Types"}, // list
	"spec.preDNAT":                             {"PolicySpec.PreDNAT", "StagedSpec"},
	"spec.applyOnForward":                      {"PolicySpec.ApplyOnForward", "StagedSpec"},
	"spec.doNotTrack":                          {"StagedSpec"},
	"spec.performanceHints":                    {"StagedSpec"},
	"spec.stagedAction":                        {"StagedAction"},
	"spec.defaultAction":                       {"DefaultAction", "Tier"}, // Tier where the schema looks at more than this field
	"spec.nets[#]":                             {"Nets[#]"},
	`spec.labelsToApply[""]`:                   {"LabelsToApply"},                           // map
	"metadata.namespace":                       {},                                          // a plain error of calicoctl
	"spec.performanceHints[#]":                 {"PerformanceHints[#]", "PerformanceHints"}, // list: only PerformanceHints where one is repeated
	"spec.rules[#].action":                     {"Action"},
	"spec.rules[#].ipVersion":                  {"IPVersion"},
	"spec.rules[#].protocol":                   {"Protocol"},
	"spec.rules[#].notProtocol":                {"Protocol"},
	"spec.rules[#].icmp":                       {"ICMP"},
	"spec.rules[#].icmp.type":                  {"Type"},
	"spec.rules[#].icmp.code":                  {"Code"},
	"spec.rules[#].notICMP.type":               {"Type"},
	"spec.rules[#].notICMP.code":               {"Code"},
	"spec.rules[#].@.nets[#]":                  {"Nets[#]", "@.Nets"},       // Nets[#] for bits beyond the prefix, else @.Nets; both for no network at all
	"spec.rules[#].@.notNets[#]":               {"NotNets[#]", "@.NotNets"}, // likewise
	"spec.rules[#].@.selector":                 {"Selector", "Selector field"},
	"spec.rules[#].@.notSelector":              {"NotSelector"},
	"spec.rules[#].@.ports":                    {"@.Ports"},
	"spec.rules[#].@.notPorts":                 {"@.NotPorts"},
	"spec.rules[#].@.ports[#]":                 {"Port", "PortName"},
	"spec.rules[#].@.notPorts[#]":              {"Port", "PortName"},
	"spec.rules[#].@.services":                 {"Services field", "Services"},
	"spec.rules[#].http":                       {"HTTP"},
	"spec.rules[#].http.methods":               {}, // schema
	"spec.rules[#].http.paths":                 {}, // schema
	"spec.rules[#].http.paths[#]":              {"Paths"},
	"spec.rules[#].http.methods[#]":            {"Methods"}, // list
	"spec.rules[#].http.paths[#].exact":        {"Paths"},   // list; schema for its length
	"spec.rules[#].http.paths[#].prefix":       {"Paths"},   // list; schema for its length
	"spec.rules[#].@.services.name":            {"Name", "Services field"},
	"spec.rules[#].@.services.namespace":       {"Namespace"},
	"spec.rules[#].@.namespaceSelector":        {"NamespaceSelector", "NamespaceSelector field"},
	"spec.rules[#].@.serviceAccounts.selector": {"Selector"},
	"spec.rules[#].metadata.annotations":       {"Metadata.Annotations (key)"},
	`spec.rules[#].metadata.annotations[""]`:   {"Metadata.Annotations (key)"},
	"":                                         {}, // no object
}

// plainLibcalicoFields is libcalicoFields for what goNames does not tell of the
// plain kinds.
var plainLibcalicoFields = map[string][]string{
	"spec.ipipMode":                               {"IPpool.IPIPMode"},
	"spec.vxlanMode":                              {"IPpool.IPIPMode"}, // sic, for a load balancer's pool
	"spec.communities":                            {"Spec.Communities[]"},
	"spec.communities[#].value":                   {"Spec.Communities[].Value"},
	"spec.prefixAdvertisements[#].cidr":           {"Spec.PrefixAdvertisement[].CIDR"},
	"spec.prefixAdvertisements[#].communities[#]": {"Spec.PrefixAdvertisement[].Communities[]"},
	"spec.routeTableRanges[#]":                    {"RouteTableRange"},
	"spec.kubeNodePortRanges[#]":                  {"Port", "PortName"},
	"spec.natPortRange":                           {"Port", "PortName"},
	"spec.bpfPSNATPorts":                          {"Port", "PortName"},
}

// visible are the fields of structs: to list them anew takes half the time of the
// differential suite.
var visible sync.Map

func visibleFields(typ reflect.Type) []reflect.StructField {
	if known, ok := visible.Load(typ); ok {
		if fields, ok := known.([]reflect.StructField); ok {
			return fields
		}
	}
	fields := reflect.VisibleFields(typ)
	visible.Store(typ, fields)
	return fields
}

// goNames are the names under which libcalico-go reports a fault of a field that
// a plain kind has: that of the field in Go, with the index in its list, and for
// what its clients check, or its checks of more than one field, that with the
// kind or the struct before it.
func goNames(field calico.Path) []string {
	var names []string
	for _, kind := range calico.Kinds() {
		obj := kind.New()
		if !calico.IsPlain(obj) {
			continue
		}
		typ, goName, index := reflect.TypeOf(obj).Elem(), "", ""
		for _, s := range field.Steps() {
			for typ.Kind() == reflect.Pointer {
				typ = typ.Elem()
			}
			switch {
			case s.Field == "" && !s.IsKey && typ.Kind() == reflect.Slice, s.IsKey && typ.Kind() == reflect.Map:
				typ, index = typ.Elem(), "["+strconv.Itoa(s.Index)+"]"
				continue
			case s.Field == "" || typ.Kind() != reflect.Struct:
				goName = ""
			default:
				goName, index = "", ""
				for _, f := range visibleFields(typ) {
					if calico.JSONName(f) == s.Field {
						goName, typ = f.Name, f.Type
						break
					}
				}
			}
			if goName == "" {
				break
			}
		}
		if goName != "" {
			names = append(names, goName, goName+index, "IPPool.Spec."+goName, "IPpool."+goName,
				"BGPConfiguration.Spec."+goName, "BGPPeer.Spec."+goName, "Spec."+goName, "HealthTimeoutOverride."+goName)
		}
	}
	return names
}
