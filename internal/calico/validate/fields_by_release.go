package validate

import (
	"reflect"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// fieldReleases has the fields of plain kinds that some release from v3.28 on
// does not know: a release's calicoctl refuses an object with a field that it
// does not know. Each entry is the first release with the field. Where a field
// was carried back to older lines too, there is one release for each line, the
// oldest first.
//
// It was read from the API's sources at the tags from v3.28.0 to v3.32.1, and
// the differential suite compares it with the releases that it has.
var fieldReleases = map[string][]calico.Release{}

func init() {
	for releases, fields := range map[string]string{
		"3.28.3 3.29.1": "FelixConfigurationSpec.wireguardThreadingEnabled",
		"3.29.0": `BGPFilterRuleV4.prefixLength BGPFilterRuleV6.prefixLength
			FelixConfigurationSpec.bpfRedirectToPeer FelixConfigurationSpec.goGCThreshold FelixConfigurationSpec.goMaxProcs
			FelixConfigurationSpec.goMemoryLimitMB FelixConfigurationSpec.ipForwarding
			FelixConfigurationSpec.nftablesFilterAllowAction FelixConfigurationSpec.nftablesFilterDenyAction
			FelixConfigurationSpec.nftablesMangleAllowAction FelixConfigurationSpec.nftablesMarkMask
			FelixConfigurationSpec.nftablesMode FelixConfigurationSpec.nftablesRefreshInterval`,
		"3.30.0": `AutoHostEndpointConfig.createDefaultHostEndpoint AutoHostEndpointConfig.templates
			BGPConfigurationSpec.localWorkloadPeeringIPV4 BGPConfigurationSpec.localWorkloadPeeringIPV6
			BGPPeerSpec.localWorkloadSelector ControllersConfig.loadBalancer
			FelixConfigurationSpec.bpfConntrackLogLevel FelixConfigurationSpec.bpfConntrackMode
			FelixConfigurationSpec.bpfConntrackTimeouts FelixConfigurationSpec.bpfExportBufferSizeMB
			FelixConfigurationSpec.bpfMapSizeConntrackCleanupQueue FelixConfigurationSpec.bpfMapSizeConntrackScaling
			FelixConfigurationSpec.bpfMapSizePerCpuConntrack FelixConfigurationSpec.bpfProfiling
			FelixConfigurationSpec.flowLogsCollectorDebugTrace FelixConfigurationSpec.flowLogsFlushInterval
			FelixConfigurationSpec.flowLogsGoldmaneServer FelixConfigurationSpec.flowLogsPolicyEvaluationMode
			IPPoolSpec.assignmentMode`,
		"3.30.1":        "FelixConfigurationSpec.flowLogsLocalReporter",
		"3.30.2":        "BGPPeerSpec.nextHopMode",
		"3.30.3":        "BGPPeerSpec.reversePeering",
		"3.30.4":        "FelixConfigurationSpec.cgroupV2Path",
		"3.30.5":        "FelixConfigurationSpec.bpfKubeProxyHealthzPort",
		"3.30.6 3.31.4": "FelixConfigurationSpec.logActionRateLimit FelixConfigurationSpec.logActionRateLimitBurst",
		"3.31.0": `BGPConfigurationSpec.serviceLoadBalancerAggregation BGPPeerSpec.localASNumber
			FelixConfigurationSpec.bpfAttachType FelixConfigurationSpec.bpfJITHardening
			FelixConfigurationSpec.natOutgoingExclusions FelixConfigurationSpec.programClusterRoutes
			FelixConfigurationSpec.requireMTUFile IPPoolSpec.namespaceSelector NodeSpec.interfaces Template.interfacePattern`,
		"3.32.0": `BGPConfigurationSpec.ipv4NormalRoutePriority BGPConfigurationSpec.ipv6NormalRoutePriority
			BGPConfigurationSpec.programClusterRoutes BGPFilterRule.asPathPrefix BGPFilterRule.communities
			BGPFilterRule.operations BGPFilterRule.peerType BGPFilterRule.priority
			BGPPeerSpec.keepaliveTime ControllersConfig.policyMigration
			FelixConfigurationSpec.bpfMaglevMaxEndpointsPerService FelixConfigurationSpec.bpfMaglevMaxServices
			FelixConfigurationSpec.ipv4ElevatedRoutePriority FelixConfigurationSpec.ipv4NormalRoutePriority
			FelixConfigurationSpec.ipv6ElevatedRoutePriority FelixConfigurationSpec.ipv6NormalRoutePriority
			FelixConfigurationSpec.istioAmbientMode FelixConfigurationSpec.istioDSCPMark
			FelixConfigurationSpec.liveMigrationRouteConvergenceTime FelixConfigurationSpec.nodeSelector
			FelixConfigurationSpec.prometheusMetricsCAFile FelixConfigurationSpec.prometheusMetricsCertFile
			FelixConfigurationSpec.prometheusMetricsClientAuth FelixConfigurationSpec.prometheusMetricsKeyFile
			IPPool.status`,
		"3.33.0": "ControllersConfig.migration",
	} {
		for field := range strings.FieldsSeq(fields) {
			for s := range strings.FieldsSeq(releases) {
				r, err := calico.ParseRelease(s)
				if err != nil {
					panic(err)
				}
				fieldReleases[field] = append(fieldReleases[field], r)
			}
		}
	}
}

// KnowsField tells whether a release knows a field of the API, such as
// "IPPoolSpec.assignmentMode".
func KnowsField(r calico.Release, field string) bool { return knowsField(r, fieldReleases[field]) }

// Since returns the first releases with a field of the API, such as
// "IPPoolSpec.assignmentMode": one for each line of releases that it was carried back to,
// the oldest first. There are none of a field that every release from v3.28 on has.
func Since(field string) []calico.Release { return fieldReleases[field] }

// knowsField tells whether the release has a field that came in these.
func knowsField(r calico.Release, since []calico.Release) bool {
	for i, s := range since {
		last := i == len(since)-1
		if r.AtLeast(s.Major, s.Minor, s.Patch) && (last || r.Major == s.Major && r.Minor == s.Minor) {
			return true
		}
	}
	return len(since) == 0
}

// newerFields rejects the fields that are set in a struct of the API, and in all
// that is in it, and that the release does not know.
func (c *checker) newerFields(at calico.Path, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c.newerFields(at, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			c.newerFields(at.Index(i), v.Index(i))
		}
	case reflect.Struct:
		typ := v.Type()
		for i := range typ.NumField() {
			if calico.IsInline(typ.Field(i)) {
				c.newerFields(at, v.Field(i))
			}
			name := calico.JSONName(typ.Field(i))
			if name == "" {
				continue
			}
			since := fieldReleases[typ.Name()+"."+name]
			if !knowsField(c.release, since) && !leftOut(v.Field(i)) {
				c.reject(at.Field(name), nil, "Calico %s does not know this field, which came with %s: leave it out.", c.release, releaseList(since))
				continue
			}
			c.newerFields(at.Field(name), v.Field(i))
		}
	default:
	}
}

// leftOut tells whether JSON leaves a field out that may be empty.
func leftOut(v reflect.Value) bool {
	if k := v.Kind(); k == reflect.Slice || k == reflect.Map {
		return v.Len() == 0
	}
	return v.IsZero()
}

func releaseList(since []calico.Release) string {
	list := make([]string, len(since))
	for i, r := range since {
		list[i] = r.String()
	}
	return strings.Join(list, " and ")
}

// tagFrom is a "validate" tag and the release from which on it holds.
type tagFrom struct {
	from calico.Release
	tag  string
}

// changedTags are the tags that are not in all releases as they are in the API
// module that is linked in.
var changedTags = map[string][]tagFrom{
	"FelixConfigurationSpec.bpfKubeProxyHealthzPort": {{calico.Release{Major: 3, Minor: 32, Patch: 0}, "omitempty,gte=0,lte=65535"}},
}

// schemaTags is what the schemas that the client applies from v3.32 on say about
// a field and the "validate" tags do not, as one more tag.
var schemaTags = map[string]string{}

func init() {
	const conntrack = "BPFConntrackTimeouts."
	for tag, fields := range map[string]string{
		"duration": `bpfKubeProxyMinSyncPeriod debugSimulateCalcGraphHangAfter debugSimulateDataplaneApplyDelay
			debugSimulateDataplaneHangAfter endpointReportingDelay flowLogsFlushInterval interfaceRefreshInterval
			ipsetsRefreshInterval iptablesLockProbeInterval iptablesPostWriteCheckInterval iptablesRefreshInterval
			netlinkTimeout reportingInterval reportingTTL routeRefreshInterval usageReportingInitialDelay
			usageReportingInterval wireguardKeepAlive xdpRefreshInterval`,
		"decimalDuration":                     "liveMigrationRouteConvergenceTime",
		"oneof=Enabled Disabled":              "floatingIPs flowLogsLocalReporter programClusterRoutes",
		"omitempty,oneof=Enabled Disabled":    "bpfProfiling bpfRedirectToPeer ipForwarding",
		"oneof=None Continuous":               "flowLogsPolicyEvaluationMode",
		"oneof=Disabled Enabled Auto":         "nftablesMode",
		"oneof=Legacy NFT Auto":               "iptablesBackend",
		"oneofAnyCase=Disabled Strict Loose":  "bpfEnforceRPF",
		"oneofAnyCase=Disabled DoubleIfFull":  "bpfMapSizeConntrackScaling",
		"oneofAnyCase=Insert Append":          "chainInsertMode",
		"oneofAnyCase=WorkloadIPs CalicoIPAM": "routeSource",
		"boolList":                            "featureDetectOverride",
		"valueList":                           "featureGates",
		"logPrefix":                           "logPrefix",
		"rate":                                "logActionRateLimit",
		"gte=0,lte=9999":                      "logActionRateLimitBurst",
	} {
		for field := range strings.FieldsSeq(fields) {
			schemaTags["FelixConfigurationSpec."+field] = tag
		}
	}
	for field := range strings.FieldsSeq("creationGracePeriod genericTimeout icmpTimeout tcpEstablished tcpFinsSeen tcpResetSeen tcpSynSent udpTimeout") {
		schemaTags[conntrack+field] = "conntrackTimeout"
	}
	for field, tag := range map[string]string{
		"FelixConfigurationSpec.nodeSelector":                    "maxLength=1024",
		"IPPoolSpec.allowedUses":                                 "maxItems=10",
		"IPPoolSpec.cidr":                                        "maxLength=48",
		"BGPConfigurationSpec.bindMode":                          "oneof=None NodeIP",
		"BGPConfigurationSpec.serviceLoadBalancerAggregation":    "oneof=Enabled Disabled",
		"PrefixAdvertisement.cidr":                               "omitempty,prefix",
		"ServiceClusterIPBlock.cidr":                             "omitempty,prefix",
		"ServiceExternalIPBlock.cidr":                            "omitempty,prefix",
		"ServiceLoadBalancerIPBlock.cidr":                        "omitempty,prefix",
		"BGPPeerSpec.localWorkloadSelector":                      "maxLength=4096",
		"BGPPeerSpec.nextHopMode":                                "oneof=Auto Self Keep",
		"BGPPeerSpec.node":                                       "maxLength=253",
		"BGPPeerSpec.nodeSelector":                               "maxLength=4096",
		"BGPPeerSpec.peerIP":                                     "maxLength=64",
		"BGPPeerSpec.peerSelector":                               "maxLength=4096",
		"BGPPeerSpec.reversePeering":                             "oneof=Auto Manual",
		"BGPFilterRuleV4.cidr":                                   "omitempty,prefix,maxLength=18",
		"BGPFilterRuleV6.cidr":                                   "omitempty,prefix,maxLength=43",
		"KubeControllersConfigurationSpec.debugProfilePort":      "gte=0,lte=65535",
		"KubeControllersConfigurationSpec.prometheusMetricsPort": "gte=0,lte=65535",
		"KubeControllersConfigurationSpec.logSeverityScreen":     "omitempty,oneof=Debug Info Warning Error Fatal",
	} {
		schemaTags[field] = tag
	}
}
