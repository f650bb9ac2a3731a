package verdict_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

var randomNamespaces = []string{"ns", "nt"}

// cluster returns a random world with pods beside the objects of other random worlds. The
// first pod is there in any case.
func (g generator) cluster(release calico.Release) *clusterWorld {
	c := &clusterWorld{}
	for _, o := range g.world(release) {
		if p, ok := o.(*v3.Profile); ok && p.Name == "kns.ns" {
			continue
		}
		c.objects = append(c.objects, o)
	}
	for _, name := range randomNamespaces {
		if g.oneIn(20) {
			continue
		}
		n := &cluster.Namespace{Metadata: cluster.Meta{Name: name, Labels: map[string]string{"team": pick(g, []string{"x", "y"})}}}
		c.namespaces = append(c.namespaces, n)
		if g.oneIn(2) {
			c.accounts = append(c.accounts, &cluster.ServiceAccount{Metadata: cluster.Meta{Namespace: name, Name: "sa", Labels: map[string]string{"team": pick(g, []string{"x", "y"})}}})
		}
	}
	for i := range 1 + g.IntN(5) {
		c.pods = append(c.pods, g.pod(i))
	}
	first := c.pods[0]
	first.Metadata.DeletionTimestamp, first.Metadata.Annotations = nil, nil
	first.Spec.HostNetwork, first.Spec.NodeName, first.Status.Phase = false, "node0", "Running"
	for i := range g.IntN(6) {
		c.networkPolicies = append(c.networkPolicies, g.networkPolicy(fmt.Sprintf("k%d", i)))
	}
	for i := range g.IntN(3) {
		p := v3.NewNetworkPolicy()
		p.ObjectMeta = meta(fmt.Sprintf("n%d", i), nil)
		p.Namespace = pick(g, randomNamespaces)
		p.Spec = v3.NetworkPolicySpec{Tier: "default", Order: pick(g, []*float64{nil, ptr(1.0), ptr(1000.0), ptr(2000.0)}), Selector: pick(g, endpointSelectors), Types: g.types(), Ingress: g.rules(), Egress: g.rules()}
		c.objects = append(c.objects, p)
	}
	for i := range g.IntN(4) {
		s := cluster.EndpointSlice{Metadata: cluster.Meta{Namespace: "ns", Name: fmt.Sprintf("s-%d", i), Labels: map[string]string{cluster.ServiceNameLabel: pick(g, []string{"s", "s", "other"})}}}
		for range 1 + g.IntN(2) {
			s.Endpoints = append(s.Endpoints, cluster.SliceEndpoint{Addresses: []string{pick(g, []string{g.address(), g.address(), g.address(), "db.example.com"})}})
		}
		for range g.IntN(3) {
			port := cluster.SlicePort{Port: ptr(int32(pick(g, randomPorts)))}
			if g.oneIn(2) {
				port.Protocol = ptr(pick(g, []string{"TCP", "UDP", "SCTP"}))
			}
			if g.oneIn(5) {
				port.Port = nil
			}
			s.Ports = append(s.Ports, port)
		}
		c.slices = append(c.slices, s)
	}
	for i := range g.IntN(3) {
		p := v3.NewIPPool()
		p.ObjectMeta = meta(fmt.Sprintf("pool%d", i), nil)
		p.Spec = v3.IPPoolSpec{
			CIDR: []string{"10.0.0.0/30", "10.0.0.4/30"}[i], NATOutgoing: g.oneIn(2),
			IPIPMode: pick(g, []v3.IPIPMode{"", v3.IPIPModeNever, v3.IPIPModeAlways}), VXLANMode: pick(g, []v3.VXLANMode{"", v3.VXLANModeNever, v3.VXLANModeCrossSubnet}),
		}
		c.pools = append(c.pools, p)
	}
	g.tune(c)
	return c
}

// tune adds what random worlds without pods do without.
func (g generator) tune(c *clusterWorld) {
	var configs []*calico.FelixConfiguration
	for _, o := range c.objects {
		switch o := o.(type) {
		case *calico.FelixConfiguration:
			configs = append(configs, o)
		case *v3.GlobalNetworkPolicy:
			g.services(o.Spec.Ingress, o.Spec.Egress)
			if o.Spec.DoNotTrack && g.oneIn(2) {
				o.Spec.DoNotTrack = false
			}
			if !o.Spec.DoNotTrack && !o.Spec.PreDNAT && g.oneIn(3) {
				// After those of Kubernetes, or before them.
				o.Spec.Order = pick(g, []*float64{ptr(1000.0), nil})
			}
		case *v3.NetworkPolicy:
			g.services(o.Spec.Ingress, o.Spec.Egress)
		}
	}
	if len(configs) == 0 {
		configs = append(configs, g.felix("default"))
		c.objects = append(c.objects, configs[0])
	}
	for _, fc := range configs {
		if g.oneIn(4) {
			fc.Spec.VXLANPort = ptr(pick(g, []int{53, 80, 4789}))
		}
		if g.oneIn(6) {
			fc.Spec.AllowVXLANPacketsFromWorkloads = ptr(g.oneIn(2))
		}
		if !g.oneIn(4) {
			fc.Spec.DefaultEndpointToHostAction = pick(g, []string{"Accept", "ACCEPT", "Return", "Drop"})
		}
		if g.oneIn(8) {
			fc.Spec.WireguardEnabled = ptr(g.oneIn(2))
		}
	}
}

// services lets some rules name one.
func (g generator) services(lists ...[]v3.Rule) {
	for _, rules := range lists {
		for i := range rules {
			if g.oneIn(12) {
				rules[i].Source.Services = &v3.ServiceMatch{Name: pick(g, []string{"s", "none"}), Namespace: "ns"}
			}
			if g.oneIn(12) {
				rules[i].Destination.Services = &v3.ServiceMatch{Name: "s", Namespace: pick(g, []string{"ns", "ns", ""})}
			}
		}
	}
}

func (g generator) pod(i int) *cluster.Pod {
	p := &cluster.Pod{Metadata: cluster.Meta{Name: fmt.Sprintf("pod%d", i), Namespace: pick(g, randomNamespaces), Labels: map[string]string{}}}
	for k, v := range g.labels() {
		p.Metadata.Labels[k] = v
	}
	p.Spec = cluster.PodSpec{NodeName: pick(g, []string{"node0", "node1"}), ServiceAccountName: pick(g, []string{"", "sa", "sb"})}
	p.Status.Phase = pick(g, []string{"Running", "Running", "Running", "Pending", "Succeeded", "Failed"})
	for range 1 + g.IntN(2) {
		p.Status.PodIPs = append(p.Status.PodIPs, cluster.PodIP{IP: g.address()})
	}
	switch g.IntN(16) {
	case 0:
		p.Spec.HostNetwork = true
	case 1:
		p.Spec.NodeName = ""
	case 2:
		p.Metadata.DeletionTimestamp = deleted
	case 3:
		p.Metadata.DeletionTimestamp = deleted
		p.Metadata.Annotations = map[string]string{"cni.projectcalico.org/podIP": ""}
	case 4:
		p.Metadata.Annotations = map[string]string{"cni.projectcalico.org/podIP": ""}
	default:
	}
	if g.oneIn(2) {
		p.Spec.Containers = []cluster.Container{{Ports: []cluster.ContainerPort{
			{Name: "http", ContainerPort: int32(pick(g, randomPorts))}, {Name: "dns", ContainerPort: 53, Protocol: "UDP"}, {ContainerPort: 22},
		}}}
	}
	return p
}

func (g generator) labelSelector(key string) *metav1.LabelSelector {
	s := &metav1.LabelSelector{}
	value := func() string { return pick(g, []string{"a", "b", "x", "y"}) }
	switch g.IntN(6) {
	case 0, 1:
		s.MatchLabels = map[string]string{key: value()}
	case 2:
		s.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{value(), value()}}}
	case 3:
		s.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: key, Operator: metav1.LabelSelectorOpNotIn, Values: []string{value()}}}
	case 4:
		s.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: pick(g, []string{key, "zone"}), Operator: pick(g, []metav1.LabelSelectorOperator{metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist})}}
	default:
	}
	return s
}

func (g generator) networkPolicy(name string) *cluster.NetworkPolicy {
	n := &cluster.NetworkPolicy{Metadata: cluster.Meta{Name: name, Namespace: pick(g, randomNamespaces)}}
	n.Spec.PodSelector = *g.labelSelector("role")
	n.Spec.PolicyTypes = pick(g, [][]string{nil, {"Ingress"}, {"Egress"}, {"Ingress", "Egress"}})
	for range g.IntN(3) {
		n.Spec.Ingress = append(n.Spec.Ingress, cluster.IngressRule{From: g.peers(), Ports: g.kubernetesPorts()})
	}
	for range g.IntN(3) {
		n.Spec.Egress = append(n.Spec.Egress, cluster.EgressRule{To: g.peers(), Ports: g.kubernetesPorts()})
	}
	return n
}

func (g generator) peers() []cluster.Peer {
	var peers []cluster.Peer
	for range g.IntN(3) {
		var p cluster.Peer
		switch g.IntN(4) {
		case 0:
			p.IPBlock = &cluster.IPBlock{CIDR: pick(g, []string{"10.0.0.0/29", "10.0.0.0/8", "0.0.0.0/0"})}
			if g.oneIn(2) {
				p.IPBlock.Except = g.some([]string{"10.0.0.0/31", "10.0.0.4/30", "10.0.0.3/32"}, 2)
			}
			if g.oneIn(4) {
				p.IPBlock = &cluster.IPBlock{CIDR: "fd00::/126", Except: []string{"fd00::2/127"}}
			}
		case 1:
			p.PodSelector = g.labelSelector("role")
		case 2:
			p.NamespaceSelector = g.labelSelector("team")
		default:
			p.PodSelector, p.NamespaceSelector = g.labelSelector("role"), g.labelSelector("team")
		}
		peers = append(peers, p)
	}
	return peers
}

func (g generator) kubernetesPorts() []cluster.Port {
	var ports []cluster.Port
	for range g.IntN(3) {
		var p cluster.Port
		if g.oneIn(2) {
			p.Protocol = ptr(pick(g, []string{"TCP", "UDP", "SCTP"}))
		}
		number := intstr.FromInt32(int32(pick(g, randomPorts)))
		switch g.IntN(4) {
		case 0:
		case 1:
			name := intstr.FromString(pick(g, []string{"http", "dns"}))
			p.Port = &name
		case 2:
			p.Port, p.EndPort = &number, ptr(max(number.IntVal, int32(pick(g, randomPorts))))
		default:
			p.Port = &number
		}
		ports = append(ports, p)
	}
	return ports
}

// connection is what goes between two random ends: how both implementations see it.
func (g generator) connection(w *verdict.World, n *naiveWorld) (verdict.Connection, *naiveConnection) {
	var all []*v3.HostEndpoint
	for _, node := range []string{"node0", "node1"} {
		all = append(all, n.endpointsOn(node)...)
	}
	all = slices.DeleteFunc(all, func(ep *v3.HostEndpoint) bool { return len(ep.Spec.ExpectedIPs) == 0 })
	v6 := g.oneIn(4)
	end := func() (*v3.HostEndpoint, verdict.Side) {
		outside := pick(g, map[bool][]string{false: {"10.0.0.1", "10.0.0.6", "192.0.2.7"}, true: {"fd00::1", "fd00::6"}}[v6])
		if len(all) == 0 || g.oneIn(6) {
			return nil, verdict.Side{Addr: netip.MustParseAddr(outside)}
		}
		ep := pick(g, all)
		for _, ip := range ep.Spec.ExpectedIPs {
			if isV6(ip) == v6 {
				var judged *verdict.Endpoint
				if isPod(ep) {
					judged, _ = w.Workload(ep.Labels["projectcalico.org/namespace"], ep.Name[len("pod ns/"):])
				} else {
					judged, _ = w.Endpoint(ep.Name)
				}
				return ep, verdict.Side{Endpoint: judged, Addr: netip.MustParseAddr(ip)}
			}
		}
		return nil, verdict.Side{Addr: netip.MustParseAddr(outside)}
	}
	var c verdict.Connection
	nc := &naiveConnection{}
	nc.from, c.From = end()
	nc.to, c.To = end()
	if g.oneIn(16) {
		nc.to, c.To = nc.from, c.From
	}
	nc.src, nc.dst = net.IP(c.From.Addr.AsSlice()), net.IP(c.To.Addr.AsSlice())
	protocol := pick(g, []string{"TCP", "TCP", "UDP", "UDP", "ICMP", "SCTP", "UDPLite"})
	if v6 && protocol == "ICMP" {
		protocol = "ICMPv6"
	}
	c.Protocol = numorstring.ProtocolFromString(protocol)
	nc.protocol = map[string]int{"TCP": 6, "UDP": 17, "ICMP": 1, "ICMPv6": 58, "SCTP": 132, "UDPLite": 136}[protocol]
	nc.v6, nc.everyAddressIs = v6, everyV4
	if v6 {
		nc.everyAddressIs = everyV6
	}
	if withPorts(nc.protocol) {
		c.Port, c.SourcePort = uint16(pick(g, append([]int{4789}, randomPorts...))), 40000
		nc.dport, nc.sport = int(c.Port), int(c.SourcePort)
	} else {
		nc.icmpType, nc.icmpCode = pick(g, []int{0, 3, 8, 128, 135}), g.IntN(2)
		c.ICMPType, c.ICMPCode = ptr(uint8(nc.icmpType)), ptr(uint8(nc.icmpCode))
	}
	return c, nc
}
