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
		a = a.and(w.inSet(w.world.fill(e.notChosen).addrs[w.family], addrDim).not())
	}
	if a.is == no {
		return a
	}
	if e.chosen != nil {
		a = a.and(w.inSet(w.world.fill(e.chosen).addrs[w.family], addrDim))
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
		a = a.or(w.knownLocal(addrDim, holdsPort(w.world.fill(m.from).ports[name], w.protocol, &w.box, addrDim, portDim)))
	}
	return a
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
