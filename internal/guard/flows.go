package guard

import (
	"net/netip"
	"slices"

	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/failsafe"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// flowsUntil returns what is watched over while a world becomes another.
func (w *World) flowsUntil(after *World) []Flow {
	if w.guard.Lockout.Flows != nil && w.guard.Exposure.Flows != nil {
		return after.flows
	}
	if w.rules == after.rules {
		return after.flows // no policy has changed, and so nothing that one declares
	}
	return w.guard.flowsOf(after.declarations(w))
}

// flowsOf returns the flows that are watched over: those that are configured, and
// otherwise those that follow from what is declared.
func (g *Guard) flowsOf(all declarations) []Flow {
	everywhere := []netip.Prefix{address.EveryIPv4, address.EveryIPv6}
	if all.everyone && !all.failsafe {
		// Nothing else says who manages the hosts.
		for _, net := range everywhere {
			all.in = append(all.in, access{net, failsafe.PortSSH})
		}
	}
	var flows []Flow
	if g.Lockout.Active() && g.Lockout.Flows == nil {
		for _, a := range distinctAccess(all.in) {
			flows = append(flows, Flow{Name: "management access", Traffic: tcp(verdict.Ingress, a)})
		}
		servers := slices.Concat(all.etcd, all.api)
		for _, server := range g.servers {
			servers = append(servers, accessTo(server))
		}
		for _, a := range distinctAccess(servers) {
			flows = append(flows, Flow{Name: "the datastore", Traffic: tcp(verdict.Egress, a)})
		}
		if g.byName {
			// Felix has to look the datastore up, at whatever servers.
			for _, net := range everywhere {
				flows = append(flows, Flow{Name: "DNS", some: true, Traffic: verdict.Flow{
					Direction: verdict.Egress, Protocol: numorstring.ProtocolFromString("UDP"), Peer: net, Port: 53,
				}})
			}
		}
	}
	if g.Exposure.Active() && g.Exposure.Flows == nil {
		flows = append(flows, g.exposuresOf(all)...)
	}
	flows = append(flows, g.Lockout.configured()...)
	return append(flows, g.Exposure.configured()...)
}

// exposuresOf returns what must stay shut: the ports that hosts are managed at and
// those of etcd, from everywhere that is not declared. (An API server of Kubernetes is
// there for everybody in the cluster and around it, and its port is that of others, too.)
func (g *Guard) exposuresOf(all declarations) []Flow {
	declared := map[uint16][]netip.Prefix{}
	var ports []uint16
	add := func(port uint16, nets ...netip.Prefix) {
		if _, known := declared[port]; !known {
			ports = append(ports, port)
		}
		declared[port] = append(declared[port], nets...)
	}
	if all.failsafe {
		for _, a := range all.in {
			add(a.port, a.net)
		}
	}
	for _, a := range all.etcd {
		// By its rules alone, an API server at a port of its own looks like an etcd server.
		if !g.Kubernetes || a.port == failsafe.PortEtcd {
			add(a.port, a.net)
		}
	}
	if !g.Kubernetes {
		for _, server := range g.servers {
			add(server.Port(), accessTo(server).net)
		}
	}
	slices.Sort(ports)
	var flows []Flow
	for _, port := range ports {
		except := declared[port]
		slices.SortFunc(except, comparePrefixes)
		except = slices.Compact(except)
		for _, net := range []netip.Prefix{address.EveryIPv4, address.EveryIPv6} {
			flows = append(flows, Flow{Name: "everybody else", Shut: true, except: except, Traffic: tcp(verdict.Ingress, access{net, port})})
		}
	}
	return flows
}

// tcp is what an access is for a verdict.
func tcp(direction verdict.Direction, a access) verdict.Flow {
	return verdict.Flow{Direction: direction, Protocol: numorstring.ProtocolFromString("TCP"), Peer: a.net, Port: a.port}
}
