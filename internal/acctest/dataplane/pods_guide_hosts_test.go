//go:build dataplane && linux

package dataplane

// identityPolicy lets pods of a namespace and pods with a label in, for what is about who
// that is.
var identityPolicy = kubernetesPolicy("shop/in", `{"podSelector": {"matchLabels": {"role": "db"}}, "ingress": [
	{"from": [{"namespaceSelector": {"matchLabels": {"stage": "live"}}}], "ports": [{"port": 80}]},
	{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"role": "guest"}}}], "ports": [{"port": 443}]}
]}`)

// guest is a pod that has no place of its own in the network: its addresses are those of
// something else.
func guest(name string, p podObject) resource {
	p.labels, p.account = map[string]string{"role": "guest"}, "box"
	return pod("lab/"+name, p)
}

func labelledPod(name string, labels map[string]string, phase string) resource {
	p := podsByPlace[name]
	p.labels, p.phase = labels, phase
	return pod(name, p)
}

var identitySteps = []podStep{
	{"who is who", []resource{
		identityPolicy,
		guest("running", podObject{node: node2, phase: "Running", addrs: []string{"10.2.0.10"}}),
		guest("pending", podObject{node: node2, phase: "Pending", addrs: []string{"10.2.0.11"}}),
		guest("succeeded", podObject{node: node2, phase: "Succeeded", addrs: []string{"10.3.0.10"}}),
		guest("failed", podObject{node: node2, phase: "Failed", addrs: []string{"fd00::2:10"}}),
		guest("unscheduled", podObject{phase: "Pending", addrs: []string{"fd00::2:11"}}),
		guest("unknown", podObject{node: node2, phase: "Unknown", addrs: []string{"fd00::3:10"}}),
		guest("hostnetwork", podObject{node: node2, phase: "Running", addrs: []string{"10.1.0.10"}, hostNetwork: true}),
	}, `
		- ops/tool > shop/db tcp 80 | its namespace has no such label
		- lab/box > shop/db tcp 80 | neither has this one
		+ other@10.2.0.10 > shop/db tcp 443 | the address is that of a running pod, so this is the pod
		+ other@10.2.0.11 > shop/db tcp 443 | a scheduled pod with an address need not be running
		- other@10.3.0.10 > shop/db tcp 443 | the address of a pod that has ended is nobody's
		- other@fd00::2:10 > shop/db tcp6 443 | no matter how it ended
		- other@fd00::2:11 > shop/db tcp6 443 | a pod that is not scheduled has no address, whatever its status says
		+ other@fd00::3:10 > shop/db tcp6 443 | a pod of which nothing is known any more still has its address
		- management@10.1.0.10 > shop/db tcp 443 | a pod in the host's network is no endpoint: the address is the host's
	`},
	{"who becomes who", []resource{
		aNamespace("ops", map[string]string{"team": "red", "stage": "live"}),
		identityPolicy,
		guest("running", podObject{node: node2, phase: "Succeeded", addrs: []string{"10.2.0.10"}}),
		guest("pending", podObject{node: node2, phase: "Running", addrs: []string{"10.2.0.11"}}),
		guest("unscheduled", podObject{node: node2, phase: "Running", addrs: []string{"fd00::2:11"}}),
		labelledPod("lab/bare", map[string]string{"role": "guest"}, "Running"),
	}, `
		+ ops/tool > shop/db tcp 80 | a namespace's new label counts for the pods that are there
		+ ops/far > shop/db tcp6 80 | on every node
		- lab/box > shop/db tcp 80 | other namespaces have not changed
		- other@10.2.0.10 > shop/db tcp 443 | this pod has ended meanwhile, and its address is free
		+ other@10.2.0.11 > shop/db tcp 443 | this one still runs
		+ other@fd00::2:11 > shop/db tcp6 443 | this one was scheduled
		+ lab/bare > shop/db tcp 443 | and this one has a new label
		- other@fd00::3:10 > shop/db tcp6 443 | this pod is gone
	`},
	{"pods that come and go", []resource{
		identityPolicy,
		guest("deleted", podObject{node: node2, phase: "Running", addrs: []string{"10.2.0.10"}, terminating: true}),
		guest("unplugged", podObject{node: node2, phase: "Running", addrs: []string{"10.2.0.11"}, terminating: true, annotations: map[string]string{"cni.projectcalico.org/podIP": ""}}),
		guest("plugged", podObject{node: node2, phase: "Pending", annotations: map[string]string{
			"cni.projectcalico.org/podIP": "10.3.0.10/32", "cni.projectcalico.org/podIPs": "10.3.0.10/32,fd00::3:10/128",
		}}),
		guest("without", podObject{node: node2, phase: "Running", addrs: []string{"fd00::2:10"}, annotations: map[string]string{"cni.projectcalico.org/podIP": ""}}),
	}, `
		+ other@10.2.0.10 > shop/db tcp 443 | a pod that is being deleted has its address until it has ended
		- other@10.2.0.11 > shop/db tcp 443 | or until Calico's CNI plugin says with an empty annotation that it has taken it away
		+ other@10.3.0.10 > shop/db tcp 443 | where the status has no address yet, an annotation of that plugin tells it
		+ other@fd00::3:10 > shop/db tcp6 443 | or several
		+ other@fd00::2:10 > shop/db tcp6 443 | of a pod that is not being deleted an empty annotation says nothing
	`},
	{"labels that pods may not give themselves", []resource{
		kubernetesPolicy("shop/in", `{"podSelector": {"matchLabels": {"role": "db"}}, "ingress": [
			{"from": [{"namespaceSelector": {"matchLabels": {"team": "red"}}}], "ports": [{"port": 80}]}, {"from": [{"podSelector": {}}], "ports": [{"port": 443}]}]}`),
		namespacedPolicy("shop/accounts", `{"selector": "role == 'db'", "types": ["Ingress"], "ingress": [
			{"action": "Allow", "protocol": "UDP", "source": {"namespaceSelector": "all()", "serviceAccounts": {"selector": "side == 'back'"}}},
			{"action": "Allow", "protocol": "SCTP", "source": {"namespaceSelector": "all()", "serviceAccounts": {"names": ["admin"]}}}]}`),
		labelledPod("lab/bare", map[string]string{"pcns.team": "red", "pcsa.side": "back", "projectcalico.org/namespace": "shop", "projectcalico.org/serviceaccount": "admin"}, "Running"),
	}, `
		- lab/bare > shop/db tcp 80 | labels of namespaces are not taken from the pod's own
		- lab/bare > shop/db udp 53 | and neither are those of service accounts
		- lab/bare > shop/db tcp 443 | which namespace it is in is not for its labels to say
		- lab/bare > shop/db sctp 22 | or which service account it has
		+ ops/tool > shop/db tcp 80 | this one's namespace is that of team red
		+ ops/tool > shop/db sctp 22 | and its account is admin
	`},
	{"an address of two pods", []resource{
		identityPolicy,
		guest("one", podObject{node: node2, phase: "Running", addrs: []string{"10.2.0.10"}}),
		pod("lab/two", podObject{node: "db3", account: "box", phase: "Running", labels: map[string]string{"role": "other"}, addrs: []string{"10.2.0.10"}}),
		globalPolicy("two", `{"selector": "role == 'db'", "order": 1, "types": ["Ingress"], "ingress": [
			{"action": "Deny", "protocol": "TCP", "source": {"selector": "role == 'other'"}, "destination": {"ports": [22]}},
			{"action": "Allow", "protocol": "UDP", "source": {"selector": "role == 'other'"}},
			{"action": "Deny", "protocol": "ICMP", "source": {"selector": "role == 'guest' && role == 'other'"}},
			{"action": "Allow", "protocol": "ICMP"}]}`),
	}, `
		+ other@10.2.0.10 > shop/db tcp 443 | the address is both pods': a selector of either means it
		+ other@10.2.0.10 > shop/db udp 53 | this one means the other
		- other@10.2.0.10 > shop/db tcp 22 | and so does a rule that denies
		+ other@10.2.0.10 > shop/db ping | but no selector means what they have together
	`},
	{"one of the two has ended", []resource{
		identityPolicy,
		guest("one", podObject{node: node2, phase: "Succeeded", addrs: []string{"10.2.0.10"}}),
		pod("lab/two", podObject{node: "db3", account: "box", phase: "Running", labels: map[string]string{"role": "other"}, addrs: []string{"10.2.0.10"}}),
		globalPolicy("two", `{"selector": "role == 'db'", "order": 1, "types": ["Ingress"], "ingress": [{"action": "Allow", "protocol": "UDP", "source": {"selector": "role == 'other'"}}]}`),
	}, `
		- other@10.2.0.10 > shop/db tcp 443 | the address is no longer that of the guest
		+ other@10.2.0.10 > shop/db udp 53 | but still that of the other
	`},
	{"a pod of this host that has ended", []resource{
		labelledPod("ops/tool", map[string]string{"role": "ops"}, "Succeeded"),
	}, `
		- ops/tool > shop/db tcp 80 | to Felix this is the interface of nobody: nothing passes it
		- shop/web > ops/tool tcp 80 | in either direction
		+ shop/web > lab/box tcp 80 | others are as they were
	`},
	{"the profile of a service account", []resource{
		aNamespace("shop", map[string]string{"team": "blue"}),
		serviceAccount("shop/front", map[string]string{"side": "back"}),
		globalPolicy("side", `{"selector": "role == 'ops'", "types": ["Ingress"], "ingress": [
			{"action": "Allow", "protocol": "TCP", "source": {"serviceAccounts": {"selector": "side == 'back'"}}},
			{"action": "Allow", "protocol": "UDP", "source": {"selector": "pcsa.side == 'back' && pcns.team == 'blue'"}}]}`),
	}, `
		+ shop/web > ops/tool tcp 80 | the label of its service account has changed
		- shop/db > ops/tool tcp 80 | this account has none
		+ shop/web > ops/tool udp 53 | labels of accounts and namespaces are labels of pods, with a prefix
		+ lab/box > shop/db tcp 80 | who is not selected is left to the profiles
	`},
}

// settings is Felix' configuration for all nodes.
func settings(spec string) resource { return withSpec("FelixConfiguration", "", "default", spec) }

// hostEndpoint is one of this host, with a label that no pod has.
func hostEndpoint(name, iface string) resource {
	return withSpec("HostEndpoint", "", name, `{"node": "`+node+`", "interfaceName": "`+iface+`", "expectedIPs": ["10.0.0.5"]}`).labelled(map[string]string{"host": "yes"})
}

var hostSteps = []podStep{
	{"pods and a host that leaves them to its own rules", []resource{
		settings(`{"defaultEndpointToHostAction": "Return"}`),
		hostEndpoint("db1-all", "*"),
		globalPolicy("hosts", `{"selector": "has(host)", "types": ["Ingress", "Egress"], "ingress": [{"action": "Allow", "protocol": "ICMP"}], "egress": [{"action": "Allow", "protocol": "ICMP"}]}`),
		namespacedPolicy("lab/out", `{"types": ["Egress"], "egress": [{"action": "Allow", "destination": {"notNets": ["10.0.0.6/32"]}}]}`),
	}, `
		+ shop/web > host tcp 80 | what comes from pods is not judged by host endpoints, not even by one for all interfaces
		+ shop/web > host@172.31.0.1 udp 53 | at no address
		- other > host tcp 80 | what comes from elsewhere is
		+ other > host tcp 22 | with its failsafe ports
		- lab/box > host@10.0.0.6 tcp 22 | the pod's own egress is asked before, and has no failsafe ports
		+ lab/box > host@10.0.0.5 tcp 80 | here it allows it
		+ host > shop/web tcp 80 | to its own pods the host may always speak
		- host > other tcp 80 | and elsewhere as its endpoint says
		- host > shop/far tcp 80 | even to a pod, if that is of another node
		+ host > shop/far ping | which is outside like anything else
		+ shop/web > other tcp 80 | what is forwarded meets no policy of hosts without applyOnForward
		+ other > shop/web tcp 443 | either way
		-? shop/web > host tcp 9090 | the host's own rules come after Felix'
	`},
	{"pods and a host that lets them in", []resource{
		settings(`{"defaultEndpointToHostAction": "Accept"}`),
		hostEndpoint("db1-eth0", "eth0"),
		namespacedPolicy("lab/out", `{"types": ["Egress"], "egress": [
			{"action": "Allow", "protocol": "TCP", "destination": {"selector": "has(host)", "namespaceSelector": "global()", "ports": [80]}},
			{"action": "Allow", "protocol": "TCP", "destination": {"selector": "has(host)", "ports": [443]}}]}`),
		globalPolicy("ops", `{"selector": "role == 'ops'", "types": ["Egress"], "egress": [{"action": "Allow", "destination": {"selector": "all()", "namespaceSelector": "global()"}}]}`),
		guest("agent", podObject{node: node, phase: "Running", addrs: []string{"10.0.0.6"}, hostNetwork: true}),
		globalPolicy("db", `{"selector": "role == 'db'", "types": ["Egress"], "egress": [{"action": "Allow", "destination": {"selector": "role == 'guest'"}}]}`),
	}, `
		+ shop/web > host tcp 9090 | what the pod's egress allows is let in, and the host's own rules are not asked
		+ shop/web > host tcp6 53 | in both versions
		+ lab/box > host@10.0.0.5 tcp 80 | the endpoint of the host has this address, and is in no namespace
		- lab/box > host@10.0.0.6 tcp 80 | it does not have this one
		- lab/box > host@10.0.0.5 tcp 443 | a selector alone is about the policy's namespace, where the host is not
		+ ops/tool > host@10.0.0.5 udp 53 | a global policy can mean it too
		- ops/tool > host@172.31.0.1 udp 53 | by its expected addresses alone
		- shop/db > host@10.0.0.6 tcp 80 | a pod in the host's network is nobody: its labels do not count
		- other > host tcp 80 | host endpoints judge what comes from elsewhere, and this one allows nothing
	`},
	{"a host endpoint and what is forwarded to pods", []resource{
		hostEndpoint("db1-eth0", "eth0"),
		globalPolicy("forward", `{"selector": "has(host)", "applyOnForward": true, "types": ["Ingress", "Egress"],
			"ingress": [{"action": "Allow", "protocol": "TCP", "destination": {"ports": [80, 443]}}],
			"egress": [{"action": "Allow", "protocol": "UDP"}, {"action": "Allow", "destination": {"selector": "projectcalico.org/namespace == 'shop'"}}]}`),
		kubernetesPolicy("shop/in", `{"podSelector": {"matchLabels": {"role": "db"}}, "ingress": [{"ports": [{"port": 80}]}]}`),
	}, `
		+ other > shop/db tcp 80 | both the host's forwarded ingress and the pod's allow it
		- other > shop/db tcp 443 | the host's does, the pod's does not
		- other > shop/web tcp 22 | the host's does not: forwarded traffic has no failsafe ports
		+ other > shop/web tcp 443 | the pod has its profile
		+ shop/web > other udp 53 | and what leaves passes the host's forwarded egress
		- shop/web > other tcp 80 | which does not allow this
		+ shop/web > shop/far tcp 80 | a pod of another node is behind the same interface, and can be selected
		- shop/web > ops/far tcp 80 | this one is not
		- shop/far > shop/web ping | and its traffic is judged where it enters
		+ shop/web > lab/box tcp 22 | pods of one host pass no interface of the host's
		+ inside > lab/box tcp 22 | and this interface has no endpoint
		+ host > shop/web tcp 443 | what the host itself sends to its pods is not forwarded
		-? lab/bare@10.9.9.9 > other udp 53 | a pod may not use an address that is not its own
	`},
	{"a policy for everything", []resource{
		hostEndpoint("db1-eth0", "eth0"),
		globalPolicy("all", `{"order": 10, "types": ["Ingress"], "ingress": [{"action": "Allow", "protocol": "UDP"}]}`),
		globalPolicy("pods", `{"order": 5, "selector": "projectcalico.org/orchestrator == 'k8s'", "types": ["Ingress"], "ingress": [{"action": "Allow", "protocol": "TCP", "destination": {"ports": [80]}}]}`),
	}, `
		+ other > shop/web udp 53 | a policy without a selector is for pods too
		- other > shop/web tcp 443 | and they have nothing but policies then
		+ other > shop/web tcp 80 | all pods of Kubernetes have a label that says so
		- other > host tcp 80 | hosts do not
		+ other > host udp 53 | but for hosts is the first as well
		+ shop/web > other tcp 443 | egress is not concerned at a pod
		+ host > lab/bare tcp 443 | and the host reaches its pods
	`},
	{"doNotTrack at the host and pods behind it", []resource{
		hostEndpoint("db1-eth0", "eth0"),
		globalPolicy("untracked", `{"selector": "has(host)", "doNotTrack": true, "applyOnForward": true, "types": ["Ingress"],
			"ingress": [{"action": "Allow", "protocol": "TCP", "destination": {"ports": [80]}}, {"action": "Allow", "protocol": "UDP", "destination": {"ports": [53]}},
				{"action": "Allow", "protocol": "TCP", "source": {"ports": [443]}}, {"action": "Deny", "protocol": "TCP", "destination": {"ports": [8080]}}]}`),
		kubernetesPolicy("shop/in", `{"podSelector": {"matchLabels": {"role": "db"}}, "ingress": [{"ports": [{"port": 22}]}]}`),
	}, `
		- other > shop/web tcp 80 | the request is not tracked, so that the pod's answer belongs to no connection, and is invalid
		+ other > shop/web udp 53 | a request alone gets there
		- other > shop/db udp 53 | if the pod's own policies let it in, which are asked all the same
		- other > shop/web tcp 8080 | what is denied is dropped before the pod's policies
		+ other > shop/web tcp 22 | everything else is as usual
		- shop/web > other tcp 443 | here the answer is not tracked, and what follows it is invalid
		+ shop/web > lab/box tcp 80 | between pods of one host the host's endpoint has no part
	`},
	{"preDNAT at a host endpoint for all interfaces", []resource{
		settings(`{"defaultEndpointToHostAction": "Return"}`),
		hostEndpoint("db1-all", "*"),
		globalPolicy("before", `{"selector": "has(host)", "preDNAT": true, "applyOnForward": true, "types": ["Ingress"],
			"ingress": [{"action": "Deny", "protocol": "TCP", "destination": {"ports": [443]}}, {"action": "Allow", "protocol": "UDP"}]}`),
		globalPolicy("forward", `{"selector": "has(host)", "applyOnForward": true, "types": ["Ingress", "Egress"], "ingress": [{"action": "Allow", "protocol": "TCP"}], "egress": [{"action": "Allow", "protocol": "TCP"}]}`),
		kubernetesPolicy("shop/in", `{"podSelector": {"matchLabels": {"role": "db"}}, "ingress": [{"ports": [{"port": 22}]}]}`),
	}, `
		- other > shop/web tcp 443 | it is denied where it enters
		+ other > shop/web tcp 80 | or else judged by the forwarded ingress there, and by the forwarded egress at the pod's link
		- other > shop/web udp 53 | what preDNAT allows skips the first alone: the second is of the same endpoint, as the link is an interface too
		- shop/web > lab/box tcp 443 | for the same reason preDNAT denies what pods send
		+ shop/web > lab/box tcp 80 | and the forwarded policies let through
		- shop/web > lab/box ping | or not what goes from pod to pod
		- shop/web > host tcp 443 | preDNAT denies even what goes to the host
		+ shop/web > host ping | where the endpoint's other policies are not asked
		- other > shop/db tcp 80 | the pod's own policies come in addition
		+ other > shop/db tcp 22 | and have to allow it too
		+ host > lab/box udp 53 | what the host itself sends is not forwarded
	`},
	{"an interface of its own, and all others", []resource{
		hostEndpoint("db1-all", "*"),
		withSpec("HostEndpoint", "", "db1-eth0", `{"node": "`+node+`", "interfaceName": "eth0"}`).labelled(map[string]string{"side": "outer"}),
		globalPolicy("outer", `{"selector": "side == 'outer'", "applyOnForward": true, "types": ["Ingress", "Egress"], "ingress": [{"action": "Allow", "protocol": "UDP"}, {"action": "Allow", "protocol": "TCP", "destination": {"ports": [80]}}], "egress": [{"action": "Allow", "protocol": "TCP"}]}`),
		globalPolicy("others", `{"selector": "has(host)", "applyOnForward": true, "types": ["Egress"], "egress": [{"action": "Allow", "protocol": "TCP"}]}`),
	}, `
		+ other > shop/web tcp 80 | both endpoints let it through
		- other > shop/web tcp 443 | the one of the interface does not
		- other > shop/web udp 53 | and here the one of all others does not, at the pod's link
		+ shop/web > other tcp 443 | what leaves the pod enters by that link, where there are no policies of ingress
		- shop/web > other udp 53 | and leaves by an interface whose endpoint does not let it through
		- shop/web > lab/box udp 53 | from pod to pod it is one of all others
		+ shop/web > lab/box tcp 22 | which allows TCP
		- shop/web > inside udp 53 | as at every interface without an endpoint of its own
		+ host > lab/box udp 53 | what the host itself sends to a pod is judged nowhere
	`},
}
