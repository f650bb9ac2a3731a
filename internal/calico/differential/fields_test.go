package differential

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
)

// fieldsOf makes the members of the types of a kind from its Go type: what is in
// a field follows from the field's own type and "validate" tag, or is in
// fieldSources. odds is how likely a field is there.
func fieldsOf(kind calico.Kind, odds float64) schemaOf {
	spec, _ := reflect.TypeOf(kind.New()).Elem().FieldByName("Spec")
	s := schemaOf{string(kind): envelope(kind, "metadata", typeName(spec.Type))}
	addFields(s, spec.Type, odds)
	return s
}

// typeName keeps the types of the API apart from those that are written by hand.
func typeName(typ reflect.Type) string { return "api." + typ.Name() }

func addFields(to schemaOf, typ reflect.Type, odds float64) {
	if to[typeName(typ)] != nil || schema[typeName(typ)] != nil {
		return // of this kind, or of one before it
	}
	var members []member
	for _, f := range reflect.VisibleFields(typ) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		key := typ.Name() + "." + name
		s, ok := fieldSources[key]
		if !ok {
			s = sourceOf(to, f.Type, f.Tag.Get("validate"))
		}
		p := odds
		if o, ok := fieldOdds[key]; ok {
			p = o
		}
		members = append(members, member{name, p, s})
	}
	to[typeName(typ)] = members
}

// fieldOdds are those of fields without which little else is looked at.
var fieldOdds = map[string]float64{
	"IPPoolSpec.cidr": 1, "Community.name": 1, "Community.value": 1, "PrefixAdvertisement.cidr": 1, "PrefixAdvertisement.communities": 1,
	"BGPFilterRuleV4.action": 1, "BGPFilterRuleV6.action": 1, "Template.generateName": 1, "Template.interfaceCIDRs": 0.7,
	"ProtoPort.protocol": 1, "ProtoPort.port": 1, "HealthTimeoutOverride.name": 1, "HealthTimeoutOverride.timeout": 1,
	"RouteTableRange.min": 1, "RouteTableRange.max": 1, "RouteTableIDRange.min": 1, "RouteTableIDRange.max": 1,
	"KubeControllersConfigurationSpec.controllers": 0.9, "ControllersConfig.node": 0.7, "NodeControllerConfig.hostEndpoint": 0.7, "AutoHostEndpointConfig.templates": 0.7,
	"NodeSpec.bgp": 0.7, "BGPPeerSpec.peerIP": 0.6, "BGPPeerSpec.asNumber": 0.5,
	// Calico's client crashes on it.
	"FelixConfigurationSpec.bpfExportBufferSizeMB": 0.002,
}

var (
	durations           = []any{"0s", "5s", "1m30s", "90s", "500ms", "24h", "1h0m0s"}
	badDurations        = []any{"-5s", "1.5s", "1us", "1ns", "0.5ms", "1500ms", "-1ms", "1m0.5s"}
	unreadableDurations = []any{5, "x", "5", "1d", true}

	hostNets       = []string{"10.0.0.1/24", "10.0.0.1", "192.0.2.0/24", "::ffff:10.0.0.1/120", "10.0.0.1/32"}
	hostNets6      = []string{"2001:db8::1/64", "2001:DB8::1", "fd00::/8", "::1.2.3.4/128", "::1"}
	macs           = []string{"66:2c:5a:00:00:01", "66-2C-5A-00-00-01", "662c.5a00.0001", "02:00:5e:10:00:00:00:01"}
	badMACs        = []string{"66:2c:5a:00:00", "x", "66:2c:5a:00:00:0g", "662c5a000001", " 66:2c:5a:00:00:01"}
	regexps        = []string{"^eth.*", "(a|b)", "[a-z]", "x*", "\\d+", "WorkloadIPs", "CalicoIPAM", "workloadips"}
	badRegexps     = []string{"(", "*", "[a", "a{2,1}", "\\", "(?P<a", "a**", "x\\y"}
	peers          = []string{"192.0.2.1", "192.0.2.1:179", "2001:db8::1", "[2001:db8::1]:179", "[::ffff:1.2.3.4]:65535", "192.0.2.1:0179"}
	badPeers       = []string{"192.0.2.1:0", "192.0.2.1:65536", "[2001:db8::1]", "2001:db8::1:179:x", "192.0.2.1:", "192x0.2.1:179", "1920020021:179", "host:179", "192.0.2.1/32", "[192.0.2.1]:179", "[::g]:1", ""}
	keyValues      = []string{"A=true", "A=true,B=false", "A=", ",A=1,", " A=true", "A=true,,", "a_1=x=y", "A=1"}
	badKeyValues   = []string{"A", "A-B=true", "=x", "A=true;B", "é=1", "A=1,B", "a b=c"}
	healthNames    = []string{"Calc Graph", "a_b-c", "0"}
	communities    = []string{"64512:100", "65535:0", "4294967295:1:2", "0:0", "bgp-large", "bgp-large"}
	badCommunities = []string{"65536:1", "1:65536", "4294967296:1:2", "1", "1:2:3:4", "a:b", "", ":", "1:", "unknown", "1:1\n", "064512:1"}

	asNumbers           = []any{64512, "64512", "1.10", 4294967295, 1, "0.1"}
	unreadableASNumbers = []any{"a", -1, 4294967296, "1.2.3", 1.5, "65536.1", "", true}

	poolNets    = []string{"10.0.0.0/8", "10.48.0.0/16", "192.0.2.0/26", "10.0.0.0/20", "fd00::/48", "FD00::/64", "2001:DB8:0::/116", "10.0.0.0/08", "172.16.0.0/32", "fd00::/128", "::ffff:10.0.0.0/104", "::ffff:10.0.0.0/122"}
	badPoolNets = append([]string{"169.254.0.0/16", "169.254.1.0/24", "160.0.0.0/4", "fe80::/10", "fe80::/64", "fe00::/8", "10.0.0.1/16", "FD00::1/64", "0.0.0.0/0", "::/0"}, badNetworks...)
)

// fieldSources are the values of fields whose type and tag say too little.
var fieldSources map[string]source

func init() {
	mode := anyOf([]any{"Enabled", "Disabled"}, []any{"enabled", "x", ""}, nil)
	fieldSources = map[string]source{
		"IPPoolSpec.cidr":        text(poolNets, badPoolNets),
		"IPPoolSpec.blockSize":   anyOf([]any{26, 20, 32, 24, 122, 116, 128, 0}, []any{19, 33, 115, 129, -1, 64, nil}, []any{"26", 26.5}),
		"IPPoolSpec.allowedUses": anyOf([]any{[]any{"Workload"}, []any{"Tunnel"}, []any{"Workload", "Tunnel"}, []any{}, []any{"LoadBalancer"}, nil}, []any{[]any{"workload"}, []any{"LoadBalancer", "Workload"}, []any{"Tunnel", "LoadBalancer", "x"}, []any{""}, []any{"Tunnel", "Tunnel"}, elevenUses()}, []any{"Workload", []any{1}}),

		"BGPConfigurationSpec.serviceLoadBalancerAggregation":    mode,
		"BGPConfigurationSpec.bindMode":                          anyOf([]any{"None", "NodeIP"}, []any{"nodeip", "", "x"}, nil),
		"Community.name":                                         text([]string{"bgp-large", "bgp-large", "a.b"}, badNames),
		"Community.value":                                        text(communities[:4], badCommunities),
		"PrefixAdvertisement.communities":                        list(2, text(communities, badCommunities)),
		"BGPPeerSpec.nextHopMode":                                anyOf([]any{"Auto", "Self", "Keep"}, []any{"auto", "", "x"}, nil),
		"BGPPeerSpec.reversePeering":                             anyOf([]any{"Auto", "Manual"}, []any{"auto", "", "x"}, nil),
		"BGPPeerSpec.nodeSelector":                               text(selectors, append([]string{longSelector}, badSelectors...)),
		"BGPPeerSpec.peerSelector":                               text(selectors, append([]string{longSelector}, badSelectors...)),
		"KubeControllersConfigurationSpec.prometheusMetricsPort": anyOf([]any{9094, 0, 65535}, []any{-1, 65536, nil}, []any{"9094", 1.5}),
		"KubeControllersConfigurationSpec.debugProfilePort":      anyOf([]any{6060, 0, 65535}, []any{-1, 65536, nil}, []any{"6060", 1 << 40}),
		"Template.generateName":                                  text(names, badNames),
		"BGPFilterCommunityMatch.values":                         list(2, text(communities[:4], badCommunities)),
		"BGPFilterAddCommunity.value":                            text(communities[:4], badCommunities),
		"Template.interfaceCIDRs":                                list(2, text(append([]string{"10.0.0.1"}, networks[false]...), badNetworks)),

		"ProtoPort.protocol": anyOf([]any{"tcp", "TCP", "udp", "Udp"}, []any{"", "sctp", "6", " tcp", nil}, nil),
		"ProtoPort.port":     anyOf([]any{1, 22, 65535}, []any{0, nil}, []any{-1, 65536, "22"}),
		"ProtoPort.net":      text([]string{"", "10.0.0.0/8", "10.0.0.1/8", "10.0.0.1", "2001:DB8::/32", "::1"}, []string{"x", "10.0.0.0/33", " 10.0.0.1", "::g", "10.0.0.01"}),

		"HealthTimeoutOverride.name":    text(healthNames, []string{"", "é", "a/b", "a\n"}),
		"HealthTimeoutOverride.timeout": anyOf(durations, badDurations, unreadableDurations),
		"RouteTableRange.min":           anyOf([]any{1, 10, 250}, []any{0, -1, 251, nil}, []any{"1"}),
		"RouteTableRange.max":           anyOf([]any{250, 20, 249}, []any{0, 5, 251, nil}, []any{"1"}),
		"RouteTableIDRange.min":         anyOf([]any{1, 10, 1000}, []any{0, -1, nil}, []any{"1"}),
		"RouteTableIDRange.max":         anyOf([]any{1000, 5000, 4000}, []any{0, 5, 4294967295, 4294967296, 66000, nil}, []any{"1"}),

		"FelixConfigurationSpec.chainInsertMode":              text([]string{"Insert", "append", ""}, []string{"x", "none"}),
		"FelixConfigurationSpec.metadataAddr":                 text([]string{"127.0.0.1", "None", "host"}, []string{"::1", "a b"}),
		"FelixConfigurationSpec.interfacePrefix":              text([]string{"cali", "cali,tap"}, []string{"cali tap", "a,", "none"}),
		"FelixConfigurationSpec.openstackRegion":              text([]string{"", "region-1", strings.Repeat("r", 46)}, append([]string{strings.Repeat("r", 47)}, badNames...)),
		"FelixConfigurationSpec.natOutgoingAddress":           text([]string{"", "10.0.0.1", "::ffff:10.0.0.1"}, append([]string{"::1"}, badAddresses...)),
		"FelixConfigurationSpec.deviceRouteSourceAddress":     text([]string{"", "10.0.0.1"}, append([]string{"::1"}, badAddresses...)),
		"FelixConfigurationSpec.deviceRouteSourceAddressIPv6": text([]string{"", "::1", "2001:DB8::1"}, append([]string{"10.0.0.1", "::ffff:10.0.0.1"}, badAddresses...)),
		"FelixConfigurationSpec.externalNodesList":            list(2, text(append([]string{"10.0.0.1", "10.0.0.1/8"}, networks[false]...), append([]string{"::1", "2001:db8::/32"}, badNetworks...))),
		"FelixConfigurationSpec.kubeNodePortRanges":           portRanges(),
		"FelixConfigurationSpec.bpfLogFilters":                anyOf([]any{object{"eth0": "tcp"}, object{"all": ""}, object{}}, []any{object{"*": "x"}, object{"eth 0": "x"}, object{"": ""}}, []any{object{"a": 1}, "x"}),
		"FelixConfigurationSpec.iptablesMarkMask":             anyOf([]any{4294901760, 3, 4294967295}, []any{0, 1, 65536}, []any{-1, 4294967296, "1"}),
		"FelixConfigurationSpec.nftablesMarkMask":             anyOf([]any{4294901760, 3}, []any{0, 1}, []any{-1, 4294967296}),
		"FelixConfigurationSpec.floatingIPs":                  mode,
		"FelixConfigurationSpec.flowLogsLocalReporter":        mode,
		"FelixConfigurationSpec.programClusterRoutes":         mode,
		"FelixConfigurationSpec.bpfProfiling":                 mode,
		"FelixConfigurationSpec.bpfRedirectToPeer":            mode,
		"FelixConfigurationSpec.ipForwarding":                 mode,
		"FelixConfigurationSpec.flowLogsPolicyEvaluationMode": anyOf([]any{"None", "Continuous"}, []any{"", "none"}, nil),
		"FelixConfigurationSpec.nftablesMode":                 anyOf([]any{"Auto", "Enabled", "Disabled"}, []any{"", "auto"}, nil),
		"FelixConfigurationSpec.bpfEnforceRPF":                text([]string{"Disabled", "strict", "Loose", ""}, []string{"x", "strict "}),
		"FelixConfigurationSpec.bpfMapSizeConntrackScaling":   text([]string{"Disabled", "doubleiffull", ""}, []string{"x"}),
		"FelixConfigurationSpec.featureDetectOverride":        text(keyValues, badKeyValues),
		"FelixConfigurationSpec.featureGates":                 text(keyValues, badKeyValues),
		"FelixConfigurationSpec.logPrefix":                    text([]string{"calico-packet", "a: %t/", ""}, []string{"é", "a.b", "a\tb", "a,b"}),
		"FelixConfigurationSpec.logActionRateLimit":           text([]string{"1/second", "9999/day", "10/minute"}, []string{"0/second", "10000/hour", "1/week", "", "1/seconds"}),
		"FelixConfigurationSpec.logActionRateLimitBurst":      anyOf([]any{0, 5, 9999}, []any{-1, 10000}, []any{"1"}),
		"FelixConfigurationSpec.metadataPort":                 anyOf([]any{0, 8775, 65535}, []any{-1, 65536}, []any{"1"}),
		"FelixConfigurationSpec.nodeSelector":                 text(selectors, append([]string{longSelector}, badSelectors...)),
		"FelixConfigurationSpec.bpfExportBufferSizeMB":        anyOf([]any{1, 0}, nil, []any{"1"}),
	}
	timeouts := text([]string{"60s", "Auto", "1h", "5ms", "1.5s", "1s2m"}, []string{"auto", "", "-5s", "5", "1d", "s", "."})
	for i := range reflect.TypeFor[v3.BPFConntrackTimeouts]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[v3.BPFConntrackTimeouts]().Field(i).Tag.Get("json"), ",")
		fieldSources["BPFConntrackTimeouts."+name] = timeouts
	}
	for _, k := range []struct {
		kind     calico.Kind
		share    int
		odds     float64
		settlers map[string]settler
	}{
		{calico.KindFelixConfiguration, 3, 0.04, map[string]settler{"api.FelixConfigurationSpec": settleFelix, "api.RouteTableRange": settleTables, "api.RouteTableIDRange": settleTables}},
		{calico.KindIPPool, 2, 0.3, map[string]settler{"api.IPPoolSpec": settlePool}},
		{calico.KindIPReservation, 1, 0.9, nil},
		{calico.KindBGPConfiguration, 2, 0.2, map[string]settler{"BGPConfiguration": settleBGPConfiguration}},
		{calico.KindBGPPeer, 2, 0.2, map[string]settler{"api.BGPPeerSpec": settlePeer}},
		{calico.KindBGPFilter, 2, 0.5, map[string]settler{"api.BGPFilterRuleV4": settleFilterRule, "api.BGPFilterRuleV6": settleFilterRule}},
		{calico.KindNode, 1, 0.4, map[string]settler{"api.NodeSpec": settleNode}},
		{calico.KindKubeControllersConfiguration, 2, 0.4, map[string]settler{"KubeControllersConfiguration": settleControllers, "api.AutoHostEndpointConfig": settleTemplates}},
	} {
		types := fieldsOf(k.kind, k.odds)
		all := map[string]settler{}
		for typ := range types {
			all[typ] = settleNewer(typ, k.settlers[typ])
		}
		register(generatedKind{kind: k.kind, share: k.share, schema: types, settlers: all, finish: dropEmptyNewer})
	}
}

var longSelector = "a == '" + strings.Repeat("x", 4096) + "'"

func elevenUses() []any {
	uses := make([]any, 11)
	for i := range uses {
		uses[i] = "Workload"
	}
	return uses
}

func portRanges() source {
	few := list(3, anyOf([]any{"30000:32767", 80, "5:5", "0080"}, append([]any{"http", "a-1"}, badPorts...), unreadablePorts))
	many := list(9, anyOf([]any{80, 81}, nil, nil))
	return source{value: func(g *generator) any {
		if g.chance(g.fault / 4) {
			return many.value(g)
		}
		return few.value(g)
	}}
}

// sourceOf makes the values of a field from its type and tag.
func sourceOf(to schemaOf, typ reflect.Type, tag string) source {
	switch typ {
	case reflect.TypeFor[metav1.Duration]():
		return anyOf(durations, badDurations, unreadableDurations)
	case reflect.TypeFor[numorstring.ASNumber]():
		return anyOf(asNumbers, []any{0, nil}, unreadableASNumbers)
	case reflect.TypeFor[numorstring.Port]():
		return anyOf(ports, badPorts, unreadablePorts)
	case reflect.TypeFor[numorstring.DSCP]():
		return anyOf([]any{0, 63, "46", "EF", "af11", "cs0"}, []any{64, 255, "x", "", " EF"}, []any{256, -1, true})
	}
	if typ.Name() == "SecretKeySelector" {
		return anyOf([]any{object{"name": "a", "key": "b"}, object{"key": "b", "optional": true}, object{"name": "a"}}, []any{object{}}, []any{"x", object{"x": "y"}})
	}
	rules := strings.Split(tag, ",")
	switch typ.Kind() {
	case reflect.Pointer:
		return sourceOf(to, typ.Elem(), tag)
	case reflect.Struct:
		addFields(to, typ, 0.5)
		return of1(typeName(typ))
	case reflect.Slice:
		if slices.Contains(rules, "cidrs") {
			tag = "cidr"
		}
		if slices.Contains(rules, "ifaceFilterSlice") {
			tag = "ifaceFilter"
		}
		return list(2, sourceOf(to, typ.Elem(), tag))
	case reflect.Map:
		return made(labels)
	case reflect.Bool:
		return boolean(0.6)
	case reflect.String:
		return textOf(rules)
	case reflect.Uint8:
		return anyOf([]any{0, 1, 255}, []any{nil}, []any{256, -1, "1"})
	default:
		return numberOf(rules)
	}
}

// numberOf makes numbers within the bounds of a tag, at them, and beyond.
func numberOf(rules []string) source {
	low, high := 0, 10000
	for _, rule := range rules {
		name, argument, _ := strings.Cut(rule, "=")
		n := 0
		_, _ = fmt.Sscan(argument, &n)
		switch name {
		case "gt":
			low = n + 1
		case "gte":
			low = n
		case "lt":
			high = n - 1
		case "lte":
			high = n
		case "bgpFilterPrefixLengthV4":
			high = 32
		case "bgpFilterPrefixLengthV6":
			high = 128
		}
	}
	return anyOf([]any{low, high, (low + high) / 2}, []any{low - 1, high + 1, nil}, []any{"1", 1.5, true, json.Number("1e400")})
}

// textOf makes texts that obey a rule of a tag, or do not.
func textOf(rules []string) source {
	for _, rule := range rules {
		if good, bad := textsOf(rule); good != nil {
			return text(good, bad)
		}
	}
	return text([]string{"", "text", "/var/log/x.log", "é<&>"}, badTexts)
}

func textsOf(rule string) (good, bad []string) {
	name, argument, _ := strings.Cut(rule, "=")
	enum := func(choices ...string) ([]string, []string) {
		bad := []string{"", "x", choices[0] + " "}
		for _, c := range choices {
			bad = append(bad, strings.ToLower(c))
		}
		return choices, bad
	}
	switch name {
	case "oneof":
		return enum(strings.Fields(argument)...)
	case "logLevel":
		return enum("Trace", "Debug", "Info", "Warning", "Error", "Fatal", "Debug", "Info", "Warning")
	case "vxlanMode", "ipIpMode":
		return enum("Never", "Always", "CrossSubnet")
	case "assignmentMode":
		return enum("Automatic", "Manual")
	case "assignIPs":
		return enum("AllServices", "RequestedServicesOnly")
	case "acceptReturn":
		return enum("Accept", "Return")
	case "dropAcceptReturn":
		return enum("Accept", "Return", "Drop")
	case "dropReject":
		return enum("Drop", "Reject")
	case "bpfLogLevel":
		return enum("Off", "Info", "Debug")
	case "bpfServiceMode":
		return enum("Tunnel", "DSR")
	case "iptablesBackend":
		return enum("Legacy", "NFT", "Auto")
	case "sourceAddress":
		return enum("UseNodeIP", "None")
	case "filterAction":
		return enum("Accept", "Reject")
	case "matchOperator":
		return enum("Equal", "NotEqual", "In", "NotIn")
	case "createDefaultHostEndpoint":
		return enum("Enabled", "Disabled")
	case "ipType":
		return enum("CalicoNodeIP", "InternalIP", "ExternalIP")
	case "name":
		return names, badNames
	case "selector":
		return selectors, badSelectors
	case "net":
		return slices.Concat(networks[false], networks[true], []string{"10.0.0.1"}), badNetworks
	case "netv4":
		return append([]string{"10.0.0.1"}, networks[false]...), slices.Concat(networks[true], badNetworks)
	case "netv6":
		return append([]string{"2001:db8::1"}, networks[true]...), slices.Concat(networks[false], badNetworks)
	case "cidr":
		return slices.Concat(networks[false], networks[true], hostNets, hostNets6), badNetworks
	case "cidrv4":
		return hostNets, slices.Concat(hostNets6, badNetworks)
	case "cidrv6":
		return hostNets6, slices.Concat(hostNets, badNetworks)
	case "ipv4":
		return []string{"10.0.0.1", "192.0.2.1", "::ffff:10.0.0.1"}, append([]string{"2001:db8::1"}, badAddresses...)
	case "ipv6":
		return []string{"2001:db8::1", "::1", "FD00::1"}, append([]string{"10.0.0.1", "::ffff:10.0.0.1"}, badAddresses...)
	case "reachableBy":
		return addresses, badAddresses
	case "IP:port":
		return peers, badPeers
	case "mac":
		return macs, badMACs
	case "regexp", "routeSource":
		return regexps, badRegexps
	case "interface":
		return interfaces[1:], badInterfaces
	case "bgpFilterInterface", "ignoredInterface":
		return []string{"eth0", "cali*", "a*b", "lo"}, []string{"*", "", "eth+", "eth 0", "0123456789abcdef", "eth0:1"}
	case "ifaceFilter":
		return []string{"eth0", "eth+", "eth0:1", "docker+"}, []string{"", "*", "eth 0", "0123456789abcdef"}
	case "keyValueList":
		return keyValues, badKeyValues
	case "prometheusHost":
		return []string{"127.0.0.1", "::1", "host"}, []string{"", "a b", "a/b", strings.Repeat("h", 65)}
	}
	return nil, nil
}

// declaredIn is the name of the struct that has a field: typ, or one that is
// embedded into it.
func declaredIn(typ reflect.Type, f reflect.StructField) string {
	for _, i := range f.Index[:len(f.Index)-1] {
		typ = typ.Field(i).Type
	}
	return typ.Name()
}

// embeddedIn are the structs whose fields are members of another one.
var embeddedIn = map[string]string{"BGPFilterRuleV4": "BGPFilterRule", "BGPFilterRuleV6": "BGPFilterRule"}

// knowsMember tells whether a release knows a member of a type of objects.
func knowsMember(release calico.Release, typ, name string) bool {
	typ = strings.TrimPrefix(typ, "api.")
	return validate.KnowsField(release, typ+"."+name) && validate.KnowsField(release, embeddedIn[typ]+"."+name)
}
