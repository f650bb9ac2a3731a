package verdict

// match tells whether the rule matches the packets of a box.
func (w *way) match(r *rule) answer {
	if r.never || !r.made[w.family] || r.protocol != nil && *r.protocol != w.protocol || r.notProtocol != nil && *r.notProtocol == w.protocol {
		return answer{}
	}
	a := answer{is: yes}
	if r.icmp != nil {
		a = a.and(w.matchICMP(r.icmp))
	}
	if r.notICMP != nil {
		switch {
		case isICMP(w.protocol):
			a = a.and(w.matchICMP(r.notICMP).not())
		case r.protocol == nil:
			// To nft, which alone takes such a rule, it is one for ICMP.
			return answer{}
		}
	}
	if a.is != no {
		a = a.and(w.matchEntity(&r.src, w.source, w.sourcePort))
	}
	if a.is != no {
		a = a.and(w.matchEntity(&r.dst, w.destination, w.destinationPort))
	}
	if r.http && w.endpoint.Workload != nil && w.protocol == protocolTCP {
		a = a.and(answer{is: maybe, why: "has conditions on HTTP, of which Felix knows nothing: a proxy of a service mesh may check them beside Felix"})
	}
	for _, doubt := range r.doubts {
		a = a.and(answer{is: maybe, why: doubt})
	}
	return a
}

func (w *way) matchICMP(m *icmpMatch) answer {
	if !isICMP(w.protocol) {
		return answer{}
	}
	types := m.types.holds(&w.box, icmpType)
	if w.reply {
		b := w.box
		t := replyTypes[w.protocol][b.number(icmpType).lo]
		*b.number(icmpType) = span{t, t}
		types = m.types.holds(&b, icmpType)
	}
	return types.and(m.codes.holds(&w.box, icmpCode))
}

func (w *way) matchEntity(e *entity, addrDim, portDim dimension) answer {
	a := answer{is: yes}
	for _, nets := range []struct {
		sets *[2]addrSet
		not  bool
	}{{e.nets, false}, {e.notNets, true}} {
		if nets.sets == nil {
			continue
		}
		in := w.inSet(nets.sets[w.family], addrDim)
		if nets.not {
			in = in.not()
		}
		if a = a.and(in); a.is == no {
			return a
		}
	}
	if e.notPorts != nil {
		a = a.and(w.matchPorts(e.notPorts, addrDim, portDim).not())
	}
	if e.notChosen != nil && a.is != no {
		a = a.and(w.inMembers(e.notChosen, addrDim).not())
	}
	if a.is == no {
		return a
	}
	if e.chosen != nil {
		a = a.and(w.inMembers(e.chosen, addrDim))
	}
	if e.service != nil && a.is != no {
		a = a.and(w.inService(e.service, addrDim, portDim))
	}
	if e.ports != nil && a.is != no {
		a = a.and(w.matchPorts(e.ports, addrDim, portDim))
	}
	return a
}

func (w *way) matchPorts(m *portMatch, addrDim, portDim dimension) answer {
	return w.matchNumbers(m, portDim).or(w.matchNames(m, addrDim, portDim))
}

func (w *way) matchNumbers(m *portMatch, dim dimension) answer {
	if !hasPorts(w.protocol) {
		return answer{}
	}
	return m.numbers.holds(&w.box, dim)
}

func (w *way) matchNames(m *portMatch, addrDim, portDim dimension) answer {
	var a answer
	if len(m.names) == 0 || m.protocol != 0 && m.protocol != w.protocol {
		return a
	}
	for _, name := range m.names {
		has := w.knownLocal(addrDim, holdsPort(w.world.portsOf(m.from, name), w.protocol, &w.box, addrDim, portDim))
		a = a.or(w.orUnknownWorkload(has, addrDim))
	}
	return a
}

// inMembers tells whether an address is one of those that a selector chooses.
func (w *way) inMembers(m *memberSet, dim dimension) answer {
	return w.orUnknownWorkload(w.inSet(w.world.fill(m).addrs[w.family], dim), dim)
}

// orUnknownWorkload makes a doubt of an address that none of the known objects which a
// selector chooses has, where there may be workloads that are not known: but not of one
// that a host endpoint has, as no workload shares the address of a host.
func (w *way) orUnknownWorkload(a answer, dim dimension) answer {
	if a.is != no || !w.world.workloads.unknown {
		return a
	}
	switch host := w.inSet(w.world.workloads.hosts[w.family], dim); host.is {
	case yes:
		return a
	case partly:
		return host
	case no, maybe:
	}
	return answer{is: maybe, why: "has a selector, which may choose pods, and the pods are not known here"}
}

func (w *way) inSet(set addrSet, dim dimension) answer {
	return w.knownLocal(dim, set.holds(&w.box, dim))
}

// knownLocal turns a condition that some near addresses meet into a doubt where
// the near address is not known.
func (w *way) knownLocal(dim dimension, a answer) answer {
	if dim == localAddress && w.localUnknown && a.is == partly && a.at.dim == localAddress {
		return answer{is: maybe, why: "depends on the near side's address, which neither the flow nor expectedIPs of the endpoint tell"}
	}
	return a
}
