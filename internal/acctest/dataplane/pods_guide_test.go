//go:build dataplane && linux

package dataplane

// podStep is a state of the API server, and what has to happen in it. The state is what
// there is beside guideWorld, or in place of what is there.
type podStep struct {
	name   string
	state  []resource
	expect string
}

// podGuide are the states that are walked through. What has to happen is reasoned by
// hand, from Calico's documentation; see podStep.expect and podBench.reaches.
func podGuide() []podStep {
	var all []podStep
	for _, steps := range [][]podStep{kubernetesPolicySteps, calicoPolicySteps, identitySteps, hostSteps} {
		all = append(all, steps...)
	}
	return all
}

// denyAll is Kubernetes' own way to deny all that enters the pods of a namespace.
var denyAll = kubernetesPolicy("shop/deny", `{"podSelector": {}, "policyTypes": ["Ingress"]}`)

var kubernetesPolicySteps = []podStep{
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
		- shop/web > shop/db udp 4789 | not even to another pod
		+ host > other udp 4789 | but not from the host
		+ other > shop/db udp 4789 | and what enters a pod is not concerned
	`},
	{"default deny of ingress", []resource{denyAll}, `
		- ops/tool > shop/db tcp 5432 | an empty podSelector selects all pods of the namespace, and nothing is allowed
		- shop/web > shop/db tcp 5432 | pods of the same namespace are no exception
		- shop/far > shop/db ping | and neither are those of another node
		- other > shop/web tcp 80 | what comes from outside is dropped as well
		- inside > shop/web udp6 53 | from the inner network too
		+ host > shop/db tcp 5432 | what the host itself sends to its pods meets no policy
		+ shop/web > ops/tool tcp 80 | policyTypes name ingress alone: egress is left to the profile
		+ shop/web > other ping | so it is to what is outside
		+ lab/box > ops/tool tcp 80 | other namespaces are not concerned
	`},
	{"allow by podSelector", []resource{denyAll, kubernetesPolicy("shop/web-to-db", `{
		"podSelector": {"matchLabels": {"role": "db"}},
		"ingress": [{"from": [{"podSelector": {"matchLabels": {"role": "web"}}}], "ports": [{"port": 5432}]}]
	}`)}, `
		+ shop/web > shop/db tcp 5432 | a port without a protocol is one of TCP
		+ shop/web > shop/db tcp6 5432 | pods are selected by labels, whatever the version of IP
		+ shop/far > shop/db tcp 5432 | a pod of another node is selected by its labels, by its addresses
		- shop/web > shop/db udp 5432 | UDP is not named
		- shop/web > shop/db tcp 80 | and neither is this port
		- lab/box > shop/db tcp 5432 | it has the label, but a podSelector alone is about the policy's own namespace
		- ops/tool > shop/db tcp 5432 | it has neither
		- shop/db > shop/web tcp 5432 | nothing allows the other direction
	`},
	{"allow by namespaceSelector", []resource{
		denyAll,
		kubernetesPolicy("shop/red-to-db", `{"podSelector": {"matchLabels": {"role": "db"}}, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "red"}}}]}]}`),
		kubernetesPolicy("shop/any-web-to-web", `{"podSelector": {"matchLabels": {"role": "web"}}, "ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchExpressions": [{"key": "role", "operator": "In", "values": ["web"]}]}}]}]}`),
	}, `
		+ ops/tool > shop/db udp 53 | its namespace has the label team=red
		+ ops/far > shop/db tcp6 22 | so has that of a pod of another node
		- lab/box > shop/db tcp 5432 | its namespace does not
		- shop/web > shop/db tcp 5432 | and neither has the policy's own
		+ lab/box > shop/web tcp 80 | both selectors have to match: an empty namespaceSelector matches all, and the pod is role=web
		+ shop/far > shop/web tcp 80 | so it is in the policy's own namespace
		- lab/bare > shop/web tcp 80 | this one has no label role
		- other > shop/web tcp 80 | all namespaces are not everything: what is no pod is in none
	`},
	{"allow from all namespaces", []resource{
		denyAll,
		kubernetesPolicy("shop/all", `{"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]}`),
		kubernetesPolicy("lab/not-red", `{"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["red"]}]}}]}]}`),
	}, `
		+ lab/bare > shop/db tcp 5432 | a pod without labels is in a namespace too
		+ ops/far > shop/web ping | and so is one of another node
		- other > shop/web tcp 80 | what is outside is in no namespace
		- inside > shop/db tcp6 80 | wherever that is
		+ shop/web > lab/box tcp 80 | NotIn is true of another value
		+ lab/bare > lab/box tcp 80 | and of no value at all
		- ops/tool > lab/box tcp 80 | but not of this one
		- other > lab/box tcp 80 | and what is in no namespace is not matched by what its labels are not
	`},
	{"ipBlock with except", []resource{denyAll, kubernetesPolicy("shop/block", `{"podSelector": {"matchLabels": {"role": "web"}}, "ingress": [{"from": [
		{"ipBlock": {"cidr": "10.2.0.0/16", "except": ["10.2.0.11/32"]}}, {"ipBlock": {"cidr": "192.168.7.12/32"}}, {"ipBlock": {"cidr": "fd00::2:0/112"}}
	], "ports": [{"protocol": "TCP"}]}]}`)}, `
		+ other@10.2.0.10 > shop/web tcp 80 | it is in the block, and TCP has every port
		- other@10.2.0.11 > shop/web tcp 80 | this one is excepted
		- other@10.3.0.10 > shop/web tcp 80 | this one is not in the block
		- other@10.2.0.10 > shop/web udp 80 | UDP is not named
		+ other@fd00::2:11 > shop/web tcp6 80 | what is excepted in one version is not in the other
		+ ops/tool > shop/web tcp 22 | a block is about addresses, whoever has them
		- ops/tool > shop/web tcp6 22 | and a pod's other address is another matter
		- other@10.2.0.10 > shop/db tcp 80 | another pod is not selected
	`},
	{"named ports", []resource{
		denyAll,
		kubernetesPolicy("shop/named", `{"podSelector": {}, "ingress": [{"ports": [{"port": "http"}, {"port": "dns", "protocol": "UDP"}]}]}`),
		kubernetesPolicy("lab/out", `{"podSelector": {"matchLabels": {"role": "web"}}, "policyTypes": ["Egress"], "egress": [{"to": [{"namespaceSelector": {}}], "ports": [{"port": "sql"}, {"port": "dns"}, {"port": "http"}]}]}`),
	}, `
		+ ops/tool > shop/web tcp 8080 | the pod's container calls this port http
		- ops/tool > shop/web tcp 80 | and not this one, as another pod's does
		- ops/tool > shop/db tcp 8080 | where no container has a port http, there is none
		+ ops/tool > shop/db udp 53 | dns is one of UDP there
		- ops/tool > shop/db tcp 53 | and not of TCP
		+ other > shop/web tcp6 8080 | a rule without peers is about all of them
		- lab/box > shop/db tcp 5432 | the egress allows sql of that pod, but its ingress does not
		- lab/box > other tcp 5432 | the name is that of the peer, and what is no pod has no names
		+ lab/box > shop/far tcp6 443 | a pod of another node has names for its ports too
		- lab/box > shop/far tcp 8080 | which are not those of other pods
		- lab/box > shop/db udp 53 | dns is asked for in TCP, which that pod does not call so
		+ lab/bare > shop/web tcp 8080 | the other pod of lab is not selected
	`},
	{"ranges of ports and an empty rule", []resource{
		kubernetesPolicy("shop/range", `{"podSelector": {"matchLabels": {"role": "db"}}, "ingress": [{"ports": [{"port": 80, "endPort": 443}, {"protocol": "SCTP", "port": 22}]}]}`),
		kubernetesPolicy("shop/everything", `{"podSelector": {"matchLabels": {"role": "web"}}, "ingress": [{}]}`),
	}, `
		+ ops/tool > shop/db tcp 179 | it is between 80 and 443
		+ ops/tool > shop/db tcp 443 | the last port is one of the range
		- ops/tool > shop/db tcp 2379 | this one is outside
		+ other > shop/db sctp 22 | another protocol has its own ports
		- other > shop/db tcp 22 | which are not those of TCP
		+ ops/tool > shop/web ping | an empty rule allows everything
		+ other > shop/web tcp 22 | from everywhere
	`},
	{"default deny of egress", []resource{kubernetesPolicy("shop/deny", `{"podSelector": {}, "policyTypes": ["Egress"]}`)}, `
		- shop/web > other tcp 80 | nothing may leave the pods of the namespace
		- shop/web > shop/db tcp 5432 | not even to each other
		- shop/web > ops/far udp6 53 | or to another node
		- shop/web > host tcp 22 | the pod's egress comes first on the way to the host
		+ ops/tool > shop/web tcp 80 | what enters is left to the profile
		+ shop/far > shop/db tcp 80 | the egress of a pod of another node is the other node's business
		+ host > shop/web tcp 80 | and what it answers belongs to the connection
	`},
	{"egress, and both ends", []resource{
		denyAll,
		kubernetesPolicy("shop/in", `{"podSelector": {"matchLabels": {"role": "db"}}, "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 5432}]}]}`),
		kubernetesPolicy("shop/out", `{"podSelector": {"matchLabels": {"role": "web"}}, "egress": [
			{"to": [{"podSelector": {"matchLabels": {"role": "db"}}}]}, {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 53, "protocol": "UDP"}]}
		], "policyTypes": ["Egress"]}`),
	}, `
		+ shop/web > shop/db tcp 5432 | the egress of one and the ingress of the other allow it
		- shop/web > shop/db tcp 80 | the egress allows it, the ingress does not
		- shop/web > shop/db udp 53 | the same, by another rule
		+ shop/web > other udp 53 | there is only the egress
		- shop/web > other udp6 53 | 0.0.0.0/0 is about IPv4
		- shop/web > other tcp 53 | TCP is not named
		+ shop/web > lab/box udp 53 | that pod has no policies of its own
		- shop/web > lab/box tcp 80 | a podSelector is about the own namespace in egress too
		- lab/box > shop/db tcp 5432 | so it is in ingress
	`},
	{"rules of a direction that policyTypes do not name", []resource{
		kubernetesPolicy("shop/types", `{"podSelector": {"matchLabels": {"role": "web"}}, "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 80}]}], "egress": [{"ports": [{"port": 22}]}]}`),
		kubernetesPolicy("lab/types", `{"podSelector": {}, "egress": [{"ports": [{"port": 22}]}]}`),
	}, `
		+ other > shop/web tcp 80 | the rule of ingress counts
		- other > shop/web tcp 443 | and nothing else enters
		+ shop/web > other tcp 443 | those of egress do not count: policyTypes do not name it
		+ lab/box > other tcp 22 | where policyTypes are left out, rules of egress add it
		- lab/box > other tcp 443 | so that nothing else leaves
		- other > lab/box tcp 22 | and ingress is always one of them, here without rules
	`},
}
