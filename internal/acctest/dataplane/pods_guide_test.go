//go:build dataplane && linux

package dataplane

// podStep is a state of the API server, and what has to happen in it.
type podStep struct {
	name   string
	state  []resource
	expect string
}

var podGuide = []podStep{
	{"no policies", nil, `
		+ ops/tool > shop/db tcp 5432 | the profiles of both namespaces (kns.) allow everything both ways
		+ ops/tool > shop/db tcp6 5432 | IPv6 is no different
		+ shop/web > shop/db sctp 80 | and neither is another protocol
		+ shop/web > other udp 53 | what leaves the host meets the pod's egress alone: there is no host endpoint
		+ other > shop/web tcp 80 | and what enters, its ingress
		+ other > shop/web tcp6 80 | IPv6 is no different
		+ inside > lab/box ping | the same from the inner network
		+ shop/far > shop/db tcp 443 | a pod of another node is like what else is outside
		+ shop/web > ops/far ping6 | and can be reached like it
		+ host > shop/web tcp 80 | the host reaches its pods
		+ host > lab/bare ping6 | with any protocol
		- shop/web > host tcp 22 | defaultEndpointToHostAction is Drop, and failsafe ports are those of host endpoints
		- shop/web > host@172.31.0.1 ping | it does not matter which of the host's addresses it is
		- lab/bare > host udp6 53 | or of which version
		- shop/web > other udp 4789 | Felix drops VXLAN from pods, by the port, whatever policies say
		+ host > other udp 4789 | but not from the host
	`},
}
