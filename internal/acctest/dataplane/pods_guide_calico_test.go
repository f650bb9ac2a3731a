//go:build dataplane && linux

package dataplane

var calicoPolicySteps = []podStep{
	{"order among policies of Calico and Kubernetes", []resource{
		kubernetesPolicy("shop/allow", `{"podSelector": {"matchLabels": {"role": "db"}}, "ingress": [{"ports": [{"port": 5432}, {"port": 80}]}]}`),
		namespacedPolicy("shop/first", `{"order": 999, "selector": "role == 'db'", "types": ["Ingress"], "ingress": [{"action": "Deny", "source": {"namespaceSelector": "team == 'red'"}}]}`),
		namespacedPolicy("shop/last", `{"order": 1001, "selector": "role == 'db'", "types": ["Ingress"], "ingress": [
			{"action": "Deny", "protocol": "TCP", "destination": {"ports": [80]}}, {"action": "Allow", "protocol": "TCP", "destination": {"ports": [443]}}]}`),
		globalPolicy("none", `{"selector": "role == 'db'", "types": ["Ingress"], "ingress": [{"action": "Allow", "protocol": "UDP"}, {"action": "Deny"}]}`),
	}, `
		- ops/tool > shop/db tcp 5432 | the order of Kubernetes' policies is 1000: this one denies before
		- ops/far > shop/db tcp 443 | pods of other nodes are in namespaces too
		+ shop/web > shop/db tcp 5432 | the first has no rule for it, and Kubernetes' allows it
		+ shop/web > shop/db tcp 80 | and does so before the last denies it
		+ lab/box > shop/db tcp 443 | what Kubernetes' policy does not allow, a later one may
		+ lab/box > shop/db udp 53 | so may one without an order, the last of all
		- lab/box > shop/db tcp 22 | nothing allows this
	`},
	{"equal orders go by name", []resource{
		kubernetesPolicy("shop/p", `{"podSelector": {"matchLabels": {"role": "db"}}, "ingress": [{"ports": [{"port": 80}]}]}`),
		namespacedPolicy("shop/a", `{"order": 1000, "selector": "role == 'db'", "types": ["Ingress"], "ingress": [{"action": "Deny", "protocol": "TCP", "destination": {"ports": [80]}}]}`),
		globalPolicy("z", `{"order": 1000, "selector": "role == 'db'", "types": ["Ingress"], "ingress": [{"action": "Allow", "protocol": "TCP", "destination": {"ports": [80, 443]}}]}`),
		namespacedPolicy("shop/zz", `{"order": 1000, "selector": "role == 'db'", "types": ["Ingress"], "ingress": [{"action": "Deny", "protocol": "TCP", "destination": {"ports": [443]}}]}`),
	}, `
		+ lab/box > shop/db tcp 80 | the global one comes before all with a namespace: default.z is less than shop/...
		+ lab/box > shop/db tcp 443 | so it does here
		- lab/box > shop/db tcp 22 | and nothing allows the rest
	`},
	{"selectors of global policies", []resource{
		globalPolicy("web", `{"order": 1, "selector": "role == 'web'", "types": ["Ingress"], "ingress": [{"action": "Allow", "protocol": "TCP", "destination": {"ports": [80]}}]}`),
		globalPolicy("blue", `{"order": 2, "namespaceSelector": "team == 'blue'", "types": ["Ingress"], "ingress": [{"action": "Allow", "protocol": "UDP"}]}`),
		globalPolicy("by-name", `{"order": 3, "selector": "projectcalico.org/namespace == 'ops'", "types": ["Egress"], "egress": [{"action": "Allow", "destination": {"namespaceSelector": "projectcalico.org/name == 'lab'"}}]}`),
	}, `
		+ other > lab/box tcp 80 | a global policy selects pods of all namespaces
		- other > lab/box tcp 443 | and takes them from their profiles
		+ other > lab/bare tcp 443 | those that it does not select it leaves to them
		+ other > shop/web tcp 80 | this pod is selected by two: the first allows this
		+ other > shop/web udp 53 | and the second this
		- other > shop/web ping | and nothing the rest
		+ shop/web > shop/db udp 53 | the other pod of the namespace is selected by the second alone
		- shop/web > shop/db tcp 80 | which does not allow this
		+ ops/tool > lab/bare tcp 22 | a namespace can be named, where policies apply
		- ops/tool > shop/db udp 53 | and in their rules
		- ops/tool > other tcp 80 | so that nothing else leaves
	`},
	{"tiers and Pass", []resource{
		withSpec("Tier", "", "security", `{"order": 10}`),
		withSpec("Tier", "", "late", `{"order": 2000000, "defaultAction": "Pass"}`),
		globalPolicy("gate", `{"tier": "security", "order": 1, "selector": "projectcalico.org/namespace == 'shop'", "types": ["Ingress"], "ingress": [
			{"action": "Pass", "protocol": "TCP", "destination": {"ports": [80, 443]}}, {"action": "Allow", "protocol": "UDP"}]}`),
		kubernetesPolicy("shop/web", `{"podSelector": {"matchLabels": {"role": "web"}}, "ingress": [{"ports": [{"port": 443}]}]}`),
		namespacedPolicy("shop/late", `{"tier": "late", "selector": "role == 'db'", "types": ["Ingress"], "ingress": [{"action": "Deny", "protocol": "TCP", "destination": {"ports": [443]}}]}`),
	}, `
		+ ops/tool > shop/web tcp 443 | the tier passes it on to Kubernetes' policy, in tier default
		- ops/tool > shop/web tcp 80 | which does not allow this
		+ ops/tool > shop/web udp 53 | what the tier allows is allowed
		- ops/tool > shop/web tcp 22 | and what it does not decide it denies
		+ ops/tool > shop/db tcp 80 | no policy of tier default selects this pod; that of the last one passes it, to the profile
		- ops/tool > shop/db tcp 443 | or denies it
		+ shop/web > ops/tool tcp 22 | other pods are not selected in any tier
	`},
	{"rules of a namespaced policy are about its namespace", []resource{
		namespacedPolicy("shop/in", `{"selector": "role == 'db'", "types": ["Ingress"], "ingress": [
			{"action": "Allow", "protocol": "TCP", "source": {"selector": "role == 'web'"}, "destination": {"ports": [80]}},
			{"action": "Allow", "protocol": "TCP", "source": {"selector": "role == 'web'", "namespaceSelector": "all()"}, "destination": {"ports": [443]}},
			{"action": "Allow", "protocol": "TCP", "source": {"notSelector": "role == 'web'"}, "destination": {"ports": [22]}},
			{"action": "Allow", "protocol": "TCP", "source": {"namespaceSelector": "!has(team)"}, "destination": {"ports": [179]}},
			{"action": "Allow", "protocol": "TCP", "source": {"selector": "!has(role)", "namespaceSelector": "global()"}, "destination": {"ports": [8080]}}
		]}`),
		withSpec("NetworkSet", "shop", "here", `{"nets": ["10.2.0.10/32"]}`).labelled(map[string]string{"role": "web"}),
		withSpec("GlobalNetworkSet", "", "nowhere", `{"nets": ["10.2.0.11/32"]}`).labelled(map[string]string{"set": "yes"}),
	}, `
		+ shop/web > shop/db tcp 80 | a selector means pods of the own namespace
		- lab/box > shop/db tcp 80 | so that this one is not meant
		+ other@10.2.0.10 > shop/db tcp 80 | a network set of the namespace is meant as well
		+ lab/box > shop/db tcp 443 | with a namespaceSelector it is all namespaces
		+ other@10.2.0.10 > shop/db tcp 443 | and their network sets
		- other@10.2.0.11 > shop/db tcp 443 | but not what is in none
		- shop/web > shop/db tcp 22 | notSelector alone means those of the own namespace that are not selected
		- lab/bare > shop/db tcp 22 | and nobody else
		- other@10.3.0.10 > shop/db tcp 22 | no address outside, either
		+ lab/bare > shop/db tcp 179 | this namespace has no label team
		- other@10.3.0.10 > shop/db tcp 179 | but what is in no namespace is not meant by what its namespace lacks
		+ other@10.2.0.11 > shop/db tcp 8080 | global() is what is in no namespace, and this set has no role
		- lab/bare > shop/db tcp 8080 | a pod never is
	`},
	{"negation in a global policy", []resource{
		globalPolicy("not", `{"selector": "role == 'db'", "types": ["Ingress"], "ingress": [
			{"action": "Allow", "protocol": "TCP", "source": {"notSelector": "role == 'web'"}, "destination": {"ports": [80]}},
			{"action": "Allow", "protocol": "TCP", "source": {"selector": "role != 'web'"}, "destination": {"ports": [443]}},
			{"action": "Allow", "protocol": "UDP", "source": {"notNets": ["192.168.0.0/16", "10.2.0.0/16"]}}
		]}`),
	}, `
		- shop/web > shop/db tcp 80 | it is what notSelector leaves out
		+ lab/bare > shop/db tcp 80 | this one is not
		+ other > shop/db tcp 80 | and neither is what has no labels, as it is no endpoint
		+ lab/bare > shop/db tcp 443 | a pod without the label is one whose label has another value
		- other > shop/db tcp 443 | but what is no endpoint is not selected by anything
		- lab/box > shop/db tcp 443 | and this one has that value
		- ops/tool > shop/db udp 53 | it is in one of these networks
		+ other@10.3.0.10 > shop/db udp 53 | this one is in neither
		- other@fd00::2:10 > shop/db udp6 53 | a rule that names addresses of one version is about that version alone
	`},
	{"global() where Calico does not replace it", []resource{
		hostEndpoint("db1-eth0", "eth0"),
		globalPolicy("everything", `{"order": 1, "namespaceSelector": "global()", "types": ["Ingress"], "ingress": [{"action": "Deny", "protocol": "TCP", "destination": {"ports": [80]}}]}`),
		globalPolicy("namespaced", `{"order": 2, "selector": "all()", "namespaceSelector": "global()", "types": ["Ingress"], "ingress": [{"action": "Deny", "protocol": "TCP", "destination": {"ports": [443]}}, {"action": "Allow", "protocol": "UDP"}, {"action": "Pass"}]}`),
		globalPolicy("not", `{"order": 0, "selector": "role == 'db'", "types": ["Ingress"], "ingress": [{"action": "Allow", "protocol": "TCP", "source": {"notSelector": "global()"}}]}`),
	}, `
		- other > shop/web tcp 80 | as the namespaceSelector of a policy it is true of everything, pods too
		+ other > shop/web tcp 5432 | what the first two do not decide is left to the profile
		- other > host tcp 80 | it is true of hosts, too
		- other > host udp 53 | which the second policy does not select
		- other > shop/web tcp 443 | beside it, all() means what has a namespace, as pods have
		+ other > shop/db tcp 80 | notSelector leaves out what has labels, and this has none
		- shop/web > shop/db tcp 80 | this has some
	`},
	{"tunnels that pods may build", []resource{
		settings(`{"allowVXLANPacketsFromWorkloads": true}`),
		namespacedPolicy("lab/out", `{"types": ["Egress"], "egress": [{"action": "Allow", "protocol": "UDP", "destination": {"ports": [53]}}]}`),
	}, `
		+ shop/web > other udp 4789 | VXLAN is a protocol like any
		+ shop/web > shop/db udp 4789 | to pods as well
		- lab/box > other udp 4789 | and judged by policies
	`},
	{"service accounts", []resource{
		namespacedPolicy("shop/by-name", `{"selector": "role == 'db'", "types": ["Ingress"], "ingress": [
			{"action": "Allow", "protocol": "TCP", "source": {"serviceAccounts": {"names": ["front", "box"]}}, "destination": {"ports": [80]}},
			{"action": "Allow", "protocol": "TCP", "source": {"serviceAccounts": {"selector": "has(side)"}}, "destination": {"ports": [443]}},
			{"action": "Allow", "protocol": "TCP", "source": {"serviceAccounts": {"names": ["box", "admin"]}, "namespaceSelector": "all()"}, "destination": {"ports": [22]}},
			{"action": "Allow", "protocol": "TCP", "source": {"serviceAccounts": {"names": ["front"], "selector": "side == 'back'"}}, "destination": {"ports": [179]}}
		]}`),
		globalPolicy("of-accounts", `{"serviceAccountSelector": "side == 'back'", "types": ["Ingress"], "ingress": [{"action": "Allow", "protocol": "TCP", "source": {"serviceAccounts": {"names": ["front"]}}}]}`),
		namespacedPolicy("lab/of-account", `{"serviceAccountSelector": "projectcalico.org/name == 'box'", "types": ["Egress"], "egress": [{"action": "Allow", "destination": {"serviceAccounts": {"names": ["box"]}}}, {"action": "Allow", "protocol": "UDP"}]}`),
	}, `
		+ shop/web > shop/db tcp 80 | its service account is front
		+ shop/far > shop/db tcp6 80 | so is that of the pod of another node
		- lab/box > shop/db tcp 80 | box is one of the names, but not in this namespace
		+ shop/web > shop/db tcp 443 | the account front has the label
		- ops/tool > shop/db tcp 443 | so has admin, in another namespace
		+ ops/tool > shop/db tcp 22 | with a namespaceSelector accounts of all namespaces are meant
		- shop/web > shop/db tcp 22 | but not of other names
		- shop/web > shop/db tcp 179 | names and selector have to match both
		+ shop/web > ops/tool tcp 80 | a policy can be for the pods of service accounts
		- lab/box > ops/tool udp 53 | its rule does not name this one
		+ lab/box > lab/bare tcp 80 | both have the account box
		+ lab/box > other udp 53 | another rule is about everybody
		- lab/bare > other tcp 80 | and nothing else leaves the pods of box
	`},
	{"services", []resource{
		withSpec("Service", "shop", "data", `{"ports": [{"port": 5432}]}`),
		slice("shop/data", "-a", `[{"port": 5432, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"}]`, "192.168.7.11", "10.2.0.11"),
		slice("shop/data", "-b", `[{"port": 443, "protocol": "TCP"}]`, "fd02::11"),
		slice("lab/orphan", "-a", `[{"port": 80}]`, "10.2.0.10"),
		withSpec("Service", "lab", "empty", `{"clusterIP": "None", "ports": [{"port": 80}]}`),
		namespacedPolicy("shop/out", `{"selector": "role == 'web'", "types": ["Egress"], "egress": [{"action": "Allow", "destination": {"services": {"name": "data", "namespace": "shop"}}}]}`),
		namespacedPolicy("lab/out", `{"types": ["Egress"], "egress": [
			{"action": "Allow", "destination": {"services": {"name": "orphan", "namespace": "lab"}}},
			{"action": "Allow", "destination": {"services": {"name": "empty", "namespace": "lab"}}},
			{"action": "Deny", "destination": {"services": {"name": "data", "namespace": "shop"}}},
			{"action": "Allow", "destination": {"nets": ["192.168.7.11/32"]}}]}`),
		namespacedPolicy("ops/in", `{"types": ["Ingress"], "ingress": [{"action": "Allow", "source": {"services": {"name": "data", "namespace": "shop"}}}]}`),
		namespacedPolicy("ops/out", `{"types": ["Egress"], "egress": [{"action": "Allow", "destination": {"services": {"name": "data"}}}]}`),
	}, `
		+ shop/web > shop/db tcp 5432 | an endpoint's address and port, ready or not
		+ shop/web > shop/db udp 53 | the other port of the slice
		- shop/web > shop/db tcp 80 | no port of the service
		- shop/web > shop/db udp 5432 | and no protocol of that port
		+ shop/web > shop/db tcp6 443 | another slice has another address, with its own ports
		- shop/web > shop/db tcp6 5432 | which are not those of the first
		+ shop/web > other@10.2.0.11 tcp 5432 | an endpoint need be no pod
		- shop/web > other@10.2.0.10 tcp 5432 | and this is none of the service
		+ lab/box > other@10.2.0.10 tcp 80 | the service itself need not exist: its slices are what counts, and TCP is the default
		- lab/box > shop/db tcp 5432 | a service can be denied
		+ lab/box > shop/db tcp 22 | by its ports alone
		- lab/bare > shop/web tcp 80 | a service without slices is nobody
		+ shop/db > ops/tool ping | where a service is the source, its addresses count, with any port and protocol
		+ other@10.2.0.11 > ops/tool udp 22 | whoever has them
		- shop/web > ops/tool tcp 80 | and nobody else
		- ops/tool > shop/db tcp 5432 | without a namespace it is not the policy's own: such a rule is about no service
	`},
	{"admin network policies", []resource{
		withSpec("Tier", "", "adminnetworkpolicy", `{"order": 1000, "defaultAction": "Pass"}`),
		withSpec("Tier", "", "baselineadminnetworkpolicy", `{"order": 10000000, "defaultAction": "Pass"}`),
		withSpec("AdminNetworkPolicy", "", "admin", `{"priority": 10, "subject": {"namespaces": {"matchLabels": {"team": "blue"}}}, "ingress": [
			{"name": "deny", "action": "Deny", "from": [{"namespaces": {"matchLabels": {"team": "red"}}}]},
			{"name": "allow", "action": "Allow", "from": [{"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"role": "web"}}}}], "ports": [{"portNumber": {"protocol": "TCP", "port": 80}}]},
			{"name": "pass", "action": "Pass", "from": [{"namespaces": {}}]}]}`),
		withSpec("BaselineAdminNetworkPolicy", "", "default", `{"subject": {"namespaces": {}}, "ingress": [{"action": "Deny", "from": [{"namespaces": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}}]}]}`),
		denyAll,
		kubernetesPolicy("shop/open", `{"podSelector": {"matchLabels": {"role": "db"}}, "ingress": [{"ports": [{"port": 443}]}]}`),
	}, `
		- ops/tool > shop/db tcp 443 | the administrators' policy denies it before Kubernetes' own allows it
		+ lab/box > shop/web tcp 80 | and allows this before that denies it
		+ lab/bare > shop/db tcp 443 | what it passes on, Kubernetes' policy decides
		- lab/bare > shop/db tcp 80 | either way
		+ other > shop/db tcp 443 | what it says nothing of it passes on too
		- lab/box > ops/tool tcp 80 | no other policy selects this pod, and the baseline denies
		+ shop/web > ops/tool tcp 80 | or says nothing, and leaves it to the profile
	`},
}
