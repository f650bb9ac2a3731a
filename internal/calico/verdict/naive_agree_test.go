package verdict_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// packets are those that stand for all packets of a flow.
func packets(objects []calico.Object, ep *v3.HostEndpoint, f verdict.Flow) []packet {
	base := packet{in: f.Direction == verdict.Ingress, forwarded: f.Forwarded, v6: f.Peer.Addr().Is6()}
	base.protocol = map[string]int{"TCP": 6, "UDP": 17, "ICMP": 1, "ICMPV6": 58, "SCTP": 132, "UDPLITE": 136}[strings.ToUpper(f.Protocol.StrVal)]
	universe := everyV4
	if base.v6 {
		universe = everyV6
	}
	base.everyAddressIs = universe
	var peers []net.IP
	if f.Peer.IsSingleIP() {
		peers = []net.IP{net.IP(f.Peer.Addr().AsSlice())}
	} else {
		for _, addr := range universe {
			a, _ := netip.AddrFromSlice(addr)
			if f.Peer.Contains(a.Unmap()) {
				peers = append(peers, addr)
			}
		}
	}
	locals := []net.IP{nil}
	if f.Local.IsValid() {
		locals = []net.IP{net.ParseIP(f.Local.String())}
	} else if !f.Forwarded {
		for _, text := range ep.Spec.ExpectedIPs {
			if isV6(text) == base.v6 {
				locals = append(locals, net.ParseIP(text))
			}
		}
		if len(locals) > 1 {
			locals = locals[1:]
		}
	}
	dports, sports, types, codes := []int{0}, []int{0}, []int{0}, []int{0}
	if withPorts(base.protocol) {
		dports, sports = portsOf(objects, int(f.Port), 1), portsOf(objects, int(f.SourcePort), 32768)
	} else {
		types, codes = []int{0, 3, 8, 13, 77, 128, 129, 139}, []int{0, 1, 77}
		if f.ICMPType != nil {
			types, codes = []int{int(*f.ICMPType)}, []int{int(*f.ICMPCode)}
		}
	}
	var out []packet
	for _, peer := range peers {
		for _, local := range locals {
			for _, dport := range dports {
				for _, sport := range sports {
					for _, icmpType := range types {
						for _, icmpCode := range codes {
							p := base
							p.peer, p.local, p.dport, p.sport, p.icmpType, p.icmpCode = peer, local, dport, sport, icmpType, icmpCode
							out = append(out, p)
						}
					}
				}
			}
		}
	}
	return out
}

// portsOf returns one port, or those on both sides of every limit that a world
// sets, from the first that counts on.
func portsOf(objects []calico.Object, port, first int) []int {
	if port != 0 {
		return []int{port}
	}
	limits := []int{first}
	rules := func(lists ...[]v3.Rule) {
		for _, list := range lists {
			for _, r := range list {
				for _, p := range slices.Concat(r.Source.Ports, r.Source.NotPorts, r.Destination.Ports, r.Destination.NotPorts) {
					limits = append(limits, int(p.MinPort), int(p.MaxPort)+1)
				}
			}
		}
	}
	for _, o := range objects {
		switch o := o.(type) {
		case *v3.GlobalNetworkPolicy:
			rules(o.Spec.Ingress, o.Spec.Egress)
		case *v3.NetworkPolicy:
			rules(o.Spec.Ingress, o.Spec.Egress)
		case *v3.Profile:
			rules(o.Spec.Ingress, o.Spec.Egress)
		}
	}
	if first == 1 {
		// Named ports and failsafe ports are among these.
		for _, p := range append([]int{67, 68, 2379, 2380, 5473, 6443, 6666, 6667}, randomPorts...) {
			limits = append(limits, p, p+1)
		}
	}
	slices.Sort(limits)
	limits = slices.Compact(limits)
	return slices.DeleteFunc(limits, func(p int) bool { return p < first || p > 65535 })
}

// causeKey spells a cause as the second implementation does.
func causeKey(c verdict.Cause) string {
	switch c.Kind {
	case verdict.CauseFailsafe:
		return "failsafe"
	case verdict.CausePolicyRule:
		return fmt.Sprintf("%s/%s/%d", c.Policy.Name, c.Tier, c.Rule)
	case verdict.CauseTierEnd:
		return "end of " + c.Tier
	case verdict.CauseProfileRule:
		return fmt.Sprintf("%s/%d", c.Profile, c.Rule)
	case verdict.CauseMissingProfile:
		return "missing " + c.Profile
	case verdict.CauseNoMatch:
		return "nothing"
	case verdict.CauseForwardedDefault:
		return "forwarded"
	case verdict.CauseOneWay:
		return fmt.Sprintf("one way %s/%s/%d", c.Policy.Name, c.Tier, c.Rule)
	case verdict.CauseWorkloadInterface:
		return "workload"
	case verdict.CauseExcludedInterface:
		return "excluded"
	case verdict.CauseEncapsulated:
		return "encapsulated"
	case verdict.CauseToHost:
		return "to host"
	case verdict.CauseFromHost:
		return "from host"
	case verdict.CauseWithin:
		return "within"
	case verdict.CauseNone:
	}
	return "none"
}

// TestAgreesWithNaive compares verdicts with those of the second implementation.
func TestAgreesWithNaive(t *testing.T) {
	worlds := 40_000
	switch {
	case testing.Short(): // make testunit has a minute for all; make test tries them all
		worlds = 1_000
	case raceEnabled:
		worlds = 3_000
	}
	var releases []calico.Release
	for _, text := range []string{"v3.28.5", "v3.29.2", "v3.31.0", "v3.32.1"} {
		r, err := calico.ParseRelease(text)
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, r)
	}
	counts := map[string]int{}
	total := 0
	for seed := range worlds {
		g := generator{rand.New(rand.NewPCG(uint64(seed), 5)), seed%8 > 0, seed%3 == 0}
		release := pick(g, releases)
		objects := g.world(release)
		naive := &naiveWorld{objects: objects, release: release, selectors: randomSelectors}
		ep := naive.endpoint("ep0")
		w := verdict.New(objects, release)
		judged, ok := w.Endpoint("ep0")
		if !ok {
			t.Fatal("no endpoint ep0")
		}
		f := g.flow()
		all := packets(objects, ep, f)
		for len(all) > 60 {
			// Too many to take one by one.
			f = g.flow()
			all = packets(objects, ep, f)
		}
		total++
		outcomes := map[string][]string{}
		for i := range all {
			fate, about := naive.decide(ep, &all[i])
			outcomes[fate.outcome] = append(append(outcomes[fate.outcome], fate.cause), about...)
		}
		want := "allowed"
		for _, outcome := range []string{"undecided", "denied"} {
			if len(outcomes[outcome]) > 0 {
				want = outcome
			}
		}
		v := w.Decide(judged, f)
		counts[want]++
		counts["cause "+fmt.Sprint(v.By.Kind)]++
		if v.By.Reply {
			counts["reply"]++
		}
		if strings.Contains(v.Reason, "is stuck") {
			counts["stuck"]++
			outcomes[want] = append(outcomes[want], causeKey(v.By))
		}
		if v.Partial {
			counts["partial"]++
		}
		if v.Outcome.String() != want || v.Partial != (len(outcomes) > 1) || !slices.Contains(outcomes[want], causeKey(v.By)) {
			t.Fatalf("seed %d, %s, flow %+v\n got %s (%s)\nwant %s, partial %v, by one of %q\ntrace:\n%s%s",
				seed, release, f, v, causeKey(v.By), want, len(outcomes) > 1, slices.Compact(slices.Sorted(slices.Values(outcomes[want]))), traceText(v), dump(objects))
		}
	}
	t.Logf("%d flows: %v", total, counts)
	for _, what := range []string{
		"allowed", "denied", "undecided", "partial", "cause 1", "cause 2", "cause 3", "cause 4", "cause 5", "cause 6", "cause 7", "cause 8", "reply",
		"stuck",
	} {
		if counts[what]*200 < total {
			t.Errorf("%d of %d flows are %s: the random worlds do not cover it", counts[what], total, what)
		}
	}
}

func dump(objects []calico.Object) string {
	var b strings.Builder
	for _, o := range objects {
		text, err := storage.Manifest(o)
		if err != nil {
			data, _ := json.Marshal(o)
			text = string(data)
		}
		b.WriteString("---\n" + text)
	}
	return b.String()
}
