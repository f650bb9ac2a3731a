package guard

import (
	"fmt"
	"maps"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// denies are policies that deny one of the declared flows, in any table and tier.
func denies(name string, change func(*v3.GlobalNetworkPolicy)) *v3.GlobalNetworkPolicy {
	p := v3.NewGlobalNetworkPolicy()
	n := -1.0
	p.Name, p.Spec.Order, p.Spec.Selector = name, &n, "all()"
	p.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress}
	change(p)
	return p
}

func attempts(parts map[string]calico.Object) []attempt {
	guide, _ := parts["failsafe"].(*v3.GlobalNetworkPolicy)
	vendor, _ := parts["vendor"].(*v3.GlobalNetworkPolicy)
	set, _ := parts["set"].(*v3.GlobalNetworkSet)
	tier, _ := parts["tier"].(*v3.Tier)
	db1, _ := parts["db1"].(*v3.HostEndpoint)
	byAddress, _ := parts["byaddress"].(*v3.HostEndpoint)
	felix, _ := parts["felix"].(*calico.FelixConfiguration)
	var all []attempt

	// A policy that denies, by each condition that a rule can have.
	tcpRule := func(port uint16, change func(*v3.Rule)) v3.Rule {
		p := numorstring.ProtocolFromString("TCP")
		r := v3.Rule{Action: v3.Deny, Protocol: &p, Destination: v3.EntityRule{Ports: single(port)}}
		change(&r)
		return r
	}
	four := 4
	conditions := map[string]func(*v3.Rule){
		"as it is":              func(*v3.Rule) {},
		"from the network":      func(r *v3.Rule) { r.Source.Nets = []string{"10.1.0.0/24"} },
		"from a part of it":     func(r *v3.Rule) { r.Source.Nets = []string{"10.1.0.200/32"} },
		"from all but others":   func(r *v3.Rule) { r.Source.NotNets = []string{"10.9.0.0/16"} },
		"to the host's address": func(r *v3.Rule) { r.Destination.Nets = []string{"10.0.0.0/24"} },
		"of any port":           func(r *v3.Rule) { r.Destination.Ports = nil },
		"of all ports but some": func(r *v3.Rule) { r.Destination.Ports, r.Destination.NotPorts = nil, single(443) },
		"of a range of ports":   func(r *v3.Rule) { r.Destination.Ports = []numorstring.Port{{MinPort: 1, MaxPort: 3000}} },
		"of any protocol":       func(r *v3.Rule) { r.Protocol, r.Destination.Ports = nil, nil },
		"of no other protocol": func(r *v3.Rule) {
			u := numorstring.ProtocolFromString("UDP")
			r.Protocol, r.NotProtocol, r.Destination.Ports = nil, &u, nil
		},
		"of IPv4":                func(r *v3.Rule) { r.IPVersion = &four },
		"from high ports":        func(r *v3.Rule) { r.Source.Ports = []numorstring.Port{{MinPort: 1024, MaxPort: 65535}} },
		"from no selected hosts": func(r *v3.Rule) { r.Source.NotSelector = "role == 'nobody'" },
		"after a log rule":       func(*v3.Rule) {},
		"from the host's peers":  func(r *v3.Rule) { r.Source.Nets = []string{"10.0.0.0/8"} },
		"to any of its ports":    func(r *v3.Rule) { r.Destination.Ports = []numorstring.Port{{MinPort: 1, MaxPort: 65535}} },
		"of one more port":       func(r *v3.Rule) { r.Destination.Ports = append(r.Destination.Ports, numorstring.SinglePort(443)) },
	}
	for _, name := range slices.Sorted(maps.Keys(conditions)) {
		for _, port := range []uint16{22, 2222} {
			all = append(all, putting(fmt.Sprintf("Deny of port %d, %s", port, name), denies("deny", func(p *v3.GlobalNetworkPolicy) {
				p.Spec.Ingress = []v3.Rule{tcpRule(port, conditions[name])}
				if name == "after a log rule" {
					p.Spec.Ingress = slices.Insert(p.Spec.Ingress, 0, v3.Rule{Action: v3.Log})
				}
				p.Spec.Egress = []v3.Rule{{Action: v3.Pass}}
			})))
		}
	}
	// In any place.
	for _, direction := range []v3.PolicyType{v3.PolicyTypeIngress, v3.PolicyTypeEgress} {
		for place, change := range map[string]func(*v3.GlobalNetworkPolicy){
			"first in the tier": func(*v3.GlobalNetworkPolicy) {},
			"at equal order, by name": func(p *v3.GlobalNetworkPolicy) {
				zero := 0.0
				p.Spec.Order, p.Name = &zero, "a-deny"
			},
			"in the tier before":   func(p *v3.GlobalNetworkPolicy) { p.Spec.Tier, p.Name = "first", "first.deny" },
			"for some hosts":       func(p *v3.GlobalNetworkPolicy) { p.Spec.Selector = "role == 'db'" },
			"for hosts with roles": func(p *v3.GlobalNetworkPolicy) { p.Spec.Selector = "has(role)" },
			"without a rule": func(p *v3.GlobalNetworkPolicy) {
				p.Spec.Tier, p.Name, p.Spec.Ingress, p.Spec.Egress = "first", "first.deny", nil, nil
			},
			"before tracking": func(p *v3.GlobalNetworkPolicy) { p.Spec.DoNotTrack, p.Spec.ApplyOnForward = true, true },
		} {
			deny := denies("deny", func(p *v3.GlobalNetworkPolicy) {
				p.Spec.Types = []v3.PolicyType{direction}
				if direction == v3.PolicyTypeIngress {
					p.Spec.Ingress = []v3.Rule{tcpRule(22, func(*v3.Rule) {})}
				} else {
					p.Spec.Egress = []v3.Rule{tcpRule(2379, func(*v3.Rule) {})}
				}
				change(p)
			})
			a := putting(fmt.Sprintf("Deny of %s, %s", direction, place), deny)
			if place == "without a rule" {
				drop := v3.Deny
				a = a.and(putting("", changed(tier, func(t *v3.Tier) { t.Spec.DefaultAction = &drop })))
			}
			all = append(all, a)
		}
	}
	all = append(all, putting("Deny before destination NAT", denies("deny", func(p *v3.GlobalNetworkPolicy) {
		p.Spec.PreDNAT, p.Spec.ApplyOnForward, p.Spec.Types = true, true, []v3.PolicyType{v3.PolicyTypeIngress}
		p.Spec.Ingress = []v3.Rule{tcpRule(22, func(*v3.Rule) {})}
	})))

	// The policies that let traffic in: gone, moved, or no longer what they were.
	for name, policy := range map[string]*v3.GlobalNetworkPolicy{"failsafe": guide, "vendor": vendor} {
		one, big := func(change func(*v3.GlobalNetworkPolicy)) *v3.GlobalNetworkPolicy { return changed(policy, change) }, 1000.0
		shut := denies("shut", func(p *v3.GlobalNetworkPolicy) {
			n := 500.0
			p.Spec.Order = &n
			p.Spec.Ingress, p.Spec.Egress = []v3.Rule{{Action: v3.Deny}}, []v3.Rule{{Action: v3.Deny}}
		})
		all = append(all,
			removing(name+" is deleted", policy),
			removing(name+" is replaced by an empty one", policy).and(putting("", denies("other", func(*v3.GlobalNetworkPolicy) {}))),
			putting(name+" moves behind a Deny", one(func(p *v3.GlobalNetworkPolicy) { p.Spec.Order = &big }), shut),
			putting(name+" loses its order", one(func(p *v3.GlobalNetworkPolicy) { p.Spec.Order = nil }), shut),
			putting(name+" selects nobody", one(func(p *v3.GlobalNetworkPolicy) { p.Spec.Selector = "role == 'nobody'" })),
			putting(name+" selects workloads", one(func(p *v3.GlobalNetworkPolicy) { p.Spec.NamespaceSelector = "all()" })),
			putting(name+" loses its inbound rules", one(func(p *v3.GlobalNetworkPolicy) { p.Spec.Ingress = nil })),
			putting(name+" is about the other direction", one(func(p *v3.GlobalNetworkPolicy) { p.Spec.Types = []v3.PolicyType{v3.PolicyTypeEgress} })),
			putting(name+" is for forwarded traffic before NAT", one(func(p *v3.GlobalNetworkPolicy) {
				p.Spec.PreDNAT, p.Spec.ApplyOnForward, p.Spec.Types, p.Spec.Egress = true, true, []v3.PolicyType{v3.PolicyTypeIngress}, nil
			})),
		)
		for i, rule := range policy.Spec.Ingress {
			if rule.Protocol == nil || rule.Protocol.String() != "TCP" {
				continue
			}
			each := func(what string, change func(*v3.Rule)) {
				all = append(all, putting(fmt.Sprintf("rule %d of %s %s", i+1, name, what), one(func(p *v3.GlobalNetworkPolicy) { change(&p.Spec.Ingress[i]) })))
			}
			each("denies", func(r *v3.Rule) { r.Action = v3.Deny })
			each("passes", func(r *v3.Rule) { r.Action = v3.Pass })
			each("logs", func(r *v3.Rule) { r.Action = v3.Log })
			each("is of another protocol", func(r *v3.Rule) { u := numorstring.ProtocolFromString("UDP"); r.Protocol = &u })
			each("is of another IP version", func(r *v3.Rule) { six := 6; r.IPVersion = &six })
			if policy == vendor { // in a failsafe policy that is what was written on purpose
				each("is of another port", func(r *v3.Rule) { r.Destination.Ports = single(23) })
			}
			each("is of no port by number", func(r *v3.Rule) { r.Destination.Ports = []numorstring.Port{numorstring.NamedPort("ssh")} })
			each("is of all ports but this", func(r *v3.Rule) { r.Destination.NotPorts = []numorstring.Port{{MinPort: 22, MaxPort: 2222}} })
			each("is of another source port", func(r *v3.Rule) { r.Source.Ports = single(1023) })
			each("is to another address", func(r *v3.Rule) { r.Destination.Nets = []string{"192.0.2.1/32"} })
			each("is from selected hosts", func(r *v3.Rule) { r.Source.Selector = "role == 'nobody'" })
			each("is not from anywhere", func(r *v3.Rule) {
				r.Source.NotSelector = "has(net)"
				r.Source.NotNets = []string{"10.1.0.0/25", "198.51.100.0/25"}
			})
		}
	}
	all = append(all,
		putting("failsafe loses its outbound rules", changed(guide, func(p *v3.GlobalNetworkPolicy) { p.Spec.Egress = nil })),
		putting("the rule of etcd denies", changed(guide, func(p *v3.GlobalNetworkPolicy) { p.Spec.Egress[0].Action = v3.Deny })),
		putting("the rule of etcd is of UDP", changed(guide, func(p *v3.GlobalNetworkPolicy) {
			u := numorstring.ProtocolFromString("UDP")
			p.Spec.Egress[0].Protocol = &u
		})),
		removing("the set is deleted", set),
		putting("the set is empty", changed(set, func(s *v3.GlobalNetworkSet) { s.Spec.Nets = nil })),
		putting("the set has another label", changed(set, func(s *v3.GlobalNetworkSet) { s.Labels = map[string]string{"net": "other"} })),
		// Endpoints: labels, and who governs an interface.
		putting("an endpoint loses its role", changed(db1, func(h *v3.HostEndpoint) { h.Labels = nil })),
		putting("an endpoint has another role", changed(db1, func(h *v3.HostEndpoint) { h.Labels = map[string]string{"role": "dbx"} })),
		putting("an endpoint in quarantine", changed(db1, func(h *v3.HostEndpoint) { h.Labels = map[string]string{"quarantine": "yes"} }),
			denies("quarantine", func(p *v3.GlobalNetworkPolicy) {
				p.Spec.Selector, p.Spec.Ingress = "has(quarantine)", []v3.Rule{{Action: v3.Deny}}
			})),
		putting("an endpoint comes first with another role", changed(db1, func(h *v3.HostEndpoint) { h.Name, h.Labels = "a", nil })),
		removing("a by-address endpoint gives way to its rival", byAddress),
		removing("a by-address endpoint goes behind its rival", byAddress).and(putting("", changed(byAddress, func(h *v3.HostEndpoint) { h.Name = "zz" }))),
		putting("Felix takes the interface for a workload's", changed(felix, func(f *calico.FelixConfiguration) { f.Spec.InterfacePrefix = "cali,eth" })),
		putting("a rule that Felix cannot program", denies("stuck", func(p *v3.GlobalNetworkPolicy) {
			tcp, udp := numorstring.ProtocolFromString("TCP"), numorstring.ProtocolFromString("UDP")
			p.Spec.Ingress, p.Spec.Egress = []v3.Rule{{Action: v3.Allow, Protocol: &tcp, NotProtocol: &udp}}, []v3.Rule{{Action: v3.Pass}}
		})),
		putting("untracked in one direction", denies("fast", func(p *v3.GlobalNetworkPolicy) {
			p.Spec.DoNotTrack, p.Spec.ApplyOnForward, p.Spec.Types = true, true, []v3.PolicyType{v3.PolicyTypeIngress}
			p.Spec.Ingress = []v3.Rule{tcpRule(22, func(r *v3.Rule) { r.Action = v3.Allow })}
		})),
		putting("replies denied before tracking", denies("fast", func(p *v3.GlobalNetworkPolicy) {
			p.Spec.DoNotTrack, p.Spec.ApplyOnForward, p.Spec.Types = true, true, []v3.PolicyType{v3.PolicyTypeEgress}
			p.Spec.Egress = []v3.Rule{tcpRule(22, func(r *v3.Rule) { r.Destination, r.Source = r.Source, r.Destination })}
		})),
		putting("a by-address endpoint loses its role", changed(byAddress, func(h *v3.HostEndpoint) { h.Labels = nil })),
		putting("a by-address endpoint comes first with another role", changed(byAddress, func(h *v3.HostEndpoint) { h.Name, h.Labels = "a", nil })),
	)
	return all
}

func harmlessChanges(parts map[string]calico.Object) []attempt {
	guide, _ := parts["failsafe"].(*v3.GlobalNetworkPolicy)
	web, _ := parts["web"].(*v3.GlobalNetworkPolicy)
	set, _ := parts["set"].(*v3.GlobalNetworkSet)
	tier, _ := parts["tier"].(*v3.Tier)
	db1, _ := parts["db1"].(*v3.HostEndpoint)
	web1, _ := parts["web1"].(*v3.HostEndpoint)
	var all []attempt
	for _, port := range []uint16{23, 80, 443, 5432, 2223, 2380, 9100, 53} {
		for _, action := range []v3.Action{v3.Deny, v3.Allow} {
			all = append(all, putting(fmt.Sprintf("%s of port %d, first of all", action, port), denies("first.other", func(p *v3.GlobalNetworkPolicy) {
				p.Spec.Tier = "first"
				tcp := numorstring.ProtocolFromString("TCP")
				p.Spec.Ingress = []v3.Rule{{Action: action, Protocol: &tcp, Destination: v3.EntityRule{Ports: single(port)}}, {Action: v3.Pass}}
				p.Spec.Egress = []v3.Rule{{Action: v3.Pass}}
			})))
		}
	}
	for _, net := range []string{"10.9.0.0/16", "192.0.2.0/24", "10.2.0.0/24", "2001:db8::/32"} {
		all = append(all, putting("Deny from "+net, denies("deny", func(p *v3.GlobalNetworkPolicy) {
			p.Spec.Types = []v3.PolicyType{v3.PolicyTypeIngress}
			p.Spec.Ingress = []v3.Rule{{Action: v3.Deny, Source: v3.EntityRule{Nets: []string{net}}}}
		})))
	}
	for _, protocol := range []string{"UDP", "ICMP", "SCTP", "UDPLite"} {
		all = append(all, putting("Deny of "+protocol, denies("deny", func(p *v3.GlobalNetworkPolicy) {
			is := numorstring.ProtocolFromString(protocol)
			p.Spec.Ingress, p.Spec.Egress = []v3.Rule{{Action: v3.Deny, Protocol: &is}}, []v3.Rule{{Action: v3.Deny, Protocol: &is}}
		})))
	}
	late := 2000.0
	all = append(all,
		putting("a Deny at the very end", denies("deny", func(p *v3.GlobalNetworkPolicy) {
			p.Spec.Order, p.Spec.Ingress, p.Spec.Egress = &late, []v3.Rule{{Action: v3.Deny}}, []v3.Rule{{Action: v3.Deny}}
		})),
		putting("a Deny for nobody", denies("deny", func(p *v3.GlobalNetworkPolicy) {
			p.Spec.Selector, p.Spec.Ingress = "role == 'nobody'", []v3.Rule{{Action: v3.Deny}}
		})),
		putting("a Deny for workloads", denies("deny", func(p *v3.GlobalNetworkPolicy) {
			p.Spec.NamespaceSelector, p.Spec.Ingress = "all()", []v3.Rule{{Action: v3.Deny}}
		})),
		putting("a network more in failsafe", changed(guide, func(p *v3.GlobalNetworkPolicy) {
			p.Spec.Ingress[0].Source.Nets = []string{"10.1.0.0/24", "10.5.0.0/24"}
		})),
		putting("a network taken out of failsafe on purpose", changed(guide, func(p *v3.GlobalNetworkPolicy) {
			p.Spec.Ingress[0].Source.Nets = []string{"10.1.0.0/24"}
		})),
		putting("a port more in failsafe", changed(guide, func(p *v3.GlobalNetworkPolicy) {
			p.Spec.Ingress[0].Destination.Ports = append(p.Spec.Ingress[0].Destination.Ports, numorstring.SinglePort(8022))
		})),
		putting("no ICMP in failsafe", changed(guide, func(p *v3.GlobalNetworkPolicy) { p.Spec.Ingress = p.Spec.Ingress[:1] })),
		putting("failsafe earlier", changed(guide, func(p *v3.GlobalNetworkPolicy) { n := -10.0; p.Spec.Order = &n })),
		putting("failsafe under another name", changed(guide, func(p *v3.GlobalNetworkPolicy) { p.Name = "failsafe-2" })).and(removing("", guide)),
		putting("failsafe in the first tier", changed(guide, func(p *v3.GlobalNetworkPolicy) { p.Name, p.Spec.Tier = "first.failsafe", "first" })),
		putting("a label on the policy", changed(guide, func(p *v3.GlobalNetworkPolicy) { p.Labels = map[string]string{"a": "b"} })),
		removing("the web policy goes", web),
		putting("the web policy allows more", changed(web, func(p *v3.GlobalNetworkPolicy) { p.Spec.Ingress = []v3.Rule{{Action: v3.Allow}} })),
		putting("the set has other networks", changed(set, func(s *v3.GlobalNetworkSet) { s.Spec.Nets = []string{"203.0.113.0/24"} })),
		putting("the tier comes later", changed(tier, func(t *v3.Tier) { n := 20.0; t.Spec.Order = &n })),
		removing("the empty tier goes", tier),
		putting("more networks in the set", changed(set, func(s *v3.GlobalNetworkSet) { s.Spec.Nets = append(slices.Clone(s.Spec.Nets), "203.0.113.0/24") })),
		putting("one more endpoint", changed(db1, func(h *v3.HostEndpoint) { h.Name, h.Spec.Node, h.Spec.ExpectedIPs = "db9", "db9", []string{"10.0.0.9"} })),
		removing("an endpoint goes", db1),
		putting("an endpoint gets a label", changed(db1, func(h *v3.HostEndpoint) { h.Labels = map[string]string{"role": "db", "zone": "a"} })),
		putting("an endpoint gets an address", changed(web1, func(h *v3.HostEndpoint) { h.Spec.ExpectedIPs = append(slices.Clone(h.Spec.ExpectedIPs), "10.0.0.66") })),
	)
	return all
}
