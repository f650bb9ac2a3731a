package verdict

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// Workload is what is known of a workload endpoint beside what it has in common with a
// host endpoint.
type Workload struct {
	Namespace string
	// Pod is the name of the pod, or of another workload.
	Pod string
	// ServiceAccount is that of the pod, if it has one.
	ServiceAccount string
}

// workloads are the workload endpoints of a World.
type workloads struct {
	// all are sorted by namespace, pod and name.
	all    []*Endpoint
	byName map[[2]string]*Endpoint
	onNode map[string][]*Endpoint
	// unknown is set if there may be others, and hosts are the addresses that host
	// endpoints have then.
	unknown bool
	hosts   [2]addrSet
	// unread tells of policies that are not known and may decide before all others.
	unread string
}

// WithWorkloadsUnknown is for a world in which there may be workload endpoints that are
// not given. A selector in a rule may then choose any address that no host endpoint has:
// the rule is undecided for those that it is not known to choose. Without this option a
// selector stands for what is given and nothing else.
func WithWorkloadsUnknown(w *World) { w.workloads.unknown = true }

// WithUnreadPolicies is for a world in which there may be policies that are not given and
// that decide about workloads: an AdminNetworkPolicy, for one. The reason tells of them, in
// a sentence without a full stop. Verdicts at workload endpoints are undecided.
func WithUnreadPolicies(reason string) Option {
	return func(w *World) { w.workloads.unread = reason }
}

// addWorkload adds a workload endpoint. Felix passes over one without an address, and
// does not believe labels by which a workload would belong to another namespace or
// service account (updateprocessors/workloadendpointprocessor.go).
func (w *World) addWorkload(o *calico.WorkloadEndpoint) {
	var ips []netip.Addr
	for _, text := range o.Spec.IPNetworks {
		r, ok := address.ParseRange(text)
		if !ok {
			return
		}
		ips = append(ips, r.First)
	}
	if len(ips) == 0 {
		return
	}
	own := make(map[string]string, len(o.Labels)+1)
	for key, value := range o.Labels {
		if !strings.HasPrefix(key, namespacePrefix) && !strings.HasPrefix(key, serviceAccountPrefix) {
			own[key] = value
		}
	}
	if o.Spec.ServiceAccountName != "" {
		own[serviceAccountLabel] = o.Spec.ServiceAccountName
	}
	pod := o.Spec.Pod
	if pod == "" {
		pod = o.Spec.Workload
	}
	ep := &Endpoint{
		Name: o.Name, Node: o.Spec.Node, Interface: o.Spec.InterfaceName, ExpectedIPs: ips,
		Labels: w.inherit(own, o.Spec.Profiles), profiles: o.Spec.Profiles,
		Workload: &Workload{Namespace: o.Namespace, Pod: pod, ServiceAccount: o.Spec.ServiceAccountName},
	}
	ep.labels = w.labelID(ep.Labels)
	// One map for all that have the same labels, as there may be many.
	ep.Labels = w.labelSets[ep.labels]
	th := thing{labels: ep.labels}
	for _, ip := range ips {
		th.nets = append(th.nets, address.Range{First: ip, Last: ip})
	}
	for _, port := range o.Spec.Ports {
		if number, ok := protocolNumber(port.Protocol); ok && port.Name != "" {
			th.ports = append(th.ports, namedPort{port.Name, number, port.Port})
		}
	}
	ep.ports = th.ports
	w.things = append(w.things, th)
	w.workloads.all = append(w.workloads.all, ep)
}

// sortWorkloads makes the workload endpoints ready to be found.
func (w *World) sortWorkloads() {
	ws := &w.workloads
	if ws.unknown {
		var nets []address.Range
		for _, ep := range w.endpoints {
			for _, ip := range ep.ExpectedIPs {
				nets = append(nets, address.Range{First: ip, Last: ip})
			}
		}
		ws.hosts = newAddrSets(nets)
	}
	if len(ws.all) == 0 {
		return
	}
	slices.SortFunc(ws.all, func(a, b *Endpoint) int {
		if c := strings.Compare(a.Workload.Namespace, b.Workload.Namespace); c != 0 {
			return c
		}
		if c := strings.Compare(a.Workload.Pod, b.Workload.Pod); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	ws.byName = make(map[[2]string]*Endpoint, 2*len(ws.all))
	ws.onNode = map[string][]*Endpoint{}
	for _, ep := range ws.all {
		ep.node = w.felix.of(ep.Node)
		ws.onNode[ep.Node] = append(ws.onNode[ep.Node], ep)
		ws.byName[[2]string{ep.Workload.Namespace, ep.Name}] = ep
	}
	for _, ep := range ws.all {
		key := [2]string{ep.Workload.Namespace, ep.Workload.Pod}
		if ws.byName[key] == nil {
			ws.byName[key] = ep
		}
	}
	w.findShared()
}

// Workloads returns all workload endpoints, sorted by namespace and pod. Those without an
// address are none: nothing reaches them, and nothing is allowed to leave them.
func (w *World) Workloads() []*Endpoint { return slices.Clone(w.workloads.all) }

// Workload returns the workload endpoint of a name, or of the pod of that name.
func (w *World) Workload(namespace, name string) (*Endpoint, bool) {
	ep, ok := w.workloads.byName[[2]string{namespace, name}]
	return ep, ok
}

// String names the endpoint for a message: pod "web" of namespace "shop".
func (ep *Endpoint) String() string {
	if ep.Workload == nil {
		return fmt.Sprintf("host endpoint %q", ep.Name)
	}
	what := "pod"
	if ep.Labels[orchestratorLabel] != "" && ep.Labels[orchestratorLabel] != "k8s" {
		what = "workload"
	}
	return fmt.Sprintf("%s %q of namespace %q", what, ep.Workload.Pod, ep.Workload.Namespace)
}

// orchestratorLabel tells who made a workload endpoint; policies of Kubernetes are for its
// own alone.
const orchestratorLabel = "projectcalico.org/orchestrator"

// findShared finds the addresses of workloads that other endpoints have, too.
func (w *World) findShared() {
	first := make(map[netip.Addr]*Endpoint, len(w.workloads.all))
	for _, ep := range slices.Concat(w.workloads.all, w.endpoints) {
		for _, ip := range ep.ExpectedIPs {
			other := first[ip]
			switch {
			case other == nil:
				first[ip] = ep
			case other != ep && (other.Workload != nil || ep.Workload != nil):
				if w.sharedBy == nil {
					w.sharedBy = map[netip.Addr][]*Endpoint{}
				}
				if w.sharedBy[ip] == nil {
					w.sharedBy[ip] = []*Endpoint{other}
				}
				w.sharedBy[ip] = append(w.sharedBy[ip], ep)
			}
		}
	}
}

// sharedNote tells that an address is one of several endpoints.
func sharedNote(addr netip.Addr, eps []*Endpoint) string {
	var names []string
	for _, ep := range eps {
		names = append(names, ep.String())
	}
	return fmt.Sprintf("%s is the address of several endpoints, and to a selector it is that of each: %s", addr, listed(names))
}

// atWorkload decides about a packet at a workload endpoint. No failsafe ports hold there,
// and no policies with doNotTrack or preDNAT are asked; all others are, whether they have
// applyOnForward or not (felix/rules/endpoints.go, WorkloadEndpointToIptablesChains).
func (w *way) atWorkload() result {
	if w.direction == Egress {
		switch in, cause := w.encapsulated(); in.is {
		case partly:
			return result{cut: &in.at}
		case yes:
			return w.decided(EffectDeny, cause)
		case maybe:
			return w.trackable(either(result{outcome: Denied, by: cause}, w.tierFrom(normal, 0, false), cause, in.why))
		case no:
		}
	}
	return w.trackable(w.tierFrom(normal, 0, false))
}

// encapsulated tells whether the packet is one of a tunnel, which Felix does not let out
// of a workload unless it is told to, as what is in it would go past all policies.
func (w *way) encapsulated() (answer, *Cause) {
	node := w.endpoint.node
	what, allowed := "IPIP", node.ipipAllowed
	hits := []answer{{is: yes}}
	switch w.protocol {
	case protocolIPIP:
	case protocolUDP:
		what, allowed, hits = "VXLAN", node.vxlanAllowed, nil
		for _, port := range node.vxlanPorts {
			hits = append(hits, spanSet{{port.value, port.value}}.holds(&w.box, w.destinationPort))
		}
	default:
		return answer{}, nil
	}
	all, some := answer{is: yes}, answer{}
	for _, hit := range hits {
		for _, allow := range allowed {
			one := hit
			if allow.value {
				one = answer{}
			}
			all, some = all.and(one), some.or(one)
		}
	}
	cause := &Cause{Kind: CauseEncapsulated, Direction: w.direction, Setting: fmt.Sprintf("%s packets from a workload are dropped, as allow%sPacketsFromWorkloads is not set", what, what)}
	if some.is == yes && all.is == no {
		return answer{is: maybe, why: fmt.Sprintf("of node %q it is not known what the FelixConfigurations tell Felix about %s packets from workloads", w.endpoint.Node, what)}, cause
	}
	return some, cause
}

// protocolIPIP is that of packets within packets.
const protocolIPIP = 4
