package verdict

import (
	"net/netip"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
)

// services are Kubernetes' services, as rules and flows name them.
type services struct {
	// known is set if all are.
	known  bool
	byName map[string]*service
	// addresses are those at which services are asked for, with the services' names.
	addresses map[netip.Addr]string
}

// service is what a rule that names a service matches: as the source any port at one of
// its addresses, as the destination the ports of its endpoints, which may be others than
// its own (felix/serviceindex).
type service struct {
	addrs   [2]addrSet
	members []portMember
}

// WithServices makes the services known that rules name, by all EndpointSlices there are.
// To Calico a service without any is one without endpoints. The services themselves are
// needed for their addresses alone, to which no rule applies: they may be left out.
func WithServices(all []cluster.Service, slices []cluster.EndpointSlice) Option {
	return func(w *World) {
		s := &w.services
		s.known, s.byName, s.addresses = true, map[string]*service{}, map[netip.Addr]string{}
		nets := map[string][]address.Range{}
		for i := range slices {
			name := slices[i].Metadata.Namespace + "/" + slices[i].Metadata.Labels[cluster.ServiceNameLabel]
			if s.byName[name] == nil {
				s.byName[name] = &service{}
			}
			nets[name] = append(nets[name], s.byName[name].add(&slices[i])...)
		}
		for name, ranges := range nets {
			s.byName[name].addrs = newAddrSets(ranges)
		}
		for i := range all {
			spec := &all[i].Spec
			for _, texts := range [][]string{{spec.ClusterIP}, spec.ClusterIPs, spec.ExternalIPs} {
				for _, text := range texts {
					if addr, err := netip.ParseAddr(text); err == nil {
						s.addresses[addr.Unmap()] = all[i].Metadata.Namespace + "/" + all[i].Metadata.Name
					}
				}
			}
		}
	}
}

// add adds the endpoints of a slice, and returns their addresses. Endpoints that are not
// ready count, names of hosts do not, and a port without a number is none.
func (s *service) add(slice *cluster.EndpointSlice) []address.Range {
	var nets []address.Range
	for _, endpoint := range slice.Endpoints {
		for _, text := range endpoint.Addresses {
			r, ok := address.ParseRange(text)
			if !ok {
				continue
			}
			nets = append(nets, r)
			for _, port := range slice.Ports {
				if port.Port == nil || !r.IsSingle() {
					continue
				}
				member := portMember{r.First, protocolTCP, uint16(*port.Port)}
				if port.Protocol != nil {
					switch *port.Protocol {
					case "UDP":
						member.protocol = protocolUDP
					case "SCTP":
						member.protocol = protocolSCTP
					}
				}
				s.members = append(s.members, member)
			}
		}
	}
	return nets
}

// of returns the service of a name, which may not exist. Calico takes no namespace for the
// name of one.
func (s *services) of(namespace, name string) *service {
	if known := s.byName[namespace+"/"+name]; known != nil {
		return known
	}
	return &service{}
}

// inService tells whether a side of the packet is a service's.
func (w *way) inService(s *service, addrDim, portDim dimension) answer {
	if portDim == w.sourcePort {
		return w.inSet(s.addrs[w.family], addrDim)
	}
	if !hasPorts(w.protocol) {
		return answer{}
	}
	return w.knownLocal(addrDim, holdsPort(s.members, w.protocol, &w.box, addrDim, portDim))
}
