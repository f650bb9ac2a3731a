package verdict_test

import (
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

const (
	// shop is the cluster of most cases: two nodes, three pods in two namespaces.
	shop = "Namespace shop: {team: x}\nNamespace other: {team: z}\nAccount shop/front: {tier: edge}\nAccount other/batch: {tier: back}\n" +
		"Pod shop/web: {node: n1, ip: 10.9.0.1, account: front, labels: {app: web}, ports: [{name: http, containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}]}\n" +
		"Pod shop/db: {node: n2, ips: [10.9.0.2, 'fd09::2'], labels: {app: db}, ports: [{name: pg, containerPort: 5432}]}\n" +
		"Pod other/job: {node: n2, ip: 10.9.0.3, account: batch, labels: {app: job}}\n"
	// hosts are host endpoints of both nodes.
	hosts = "HEP a: {node: n1, interfaceName: eth0, expectedIPs: [10.0.0.1], labels: {role: host}}\nHEP b: {node: n2, interfaceName: eth0, expectedIPs: [10.0.0.2], labels: {role: host}}\n"

	byNamespace = `allowed by rule 1 of ingress of profile "kns.shop"`
	outOfShop   = `allowed by rule 1 of egress of profile "kns.shop"`
	byP         = `allowed by rule 1 of ingress of policy "p" in tier "default"`
	byNP        = `allowed by rule 1 of ingress of policy "p" of namespace "shop" in tier "default"`
	endOfNP     = `denied by the end of tier "default" (no rule of ingress of "p" of namespace "shop" decides)`
	byKNP       = `allowed by rule 1 of ingress of policy "p" of namespace "shop" (Kubernetes) in tier "default"`
	endOfKNP    = `denied by the end of tier "default" (no rule of ingress of "p" of namespace "shop" (Kubernetes) decides)`
	endOfP      = `denied by the end of tier "default" (no rule of ingress of "p" decides)`
	toWeb       = "shop/web in TCP 10.9.0.2 8080"
)

// np is a policy of one ingress rule for the pods of namespace shop, gnp one for all.
func np(r string) string {
	return "NP shop/p: {selector: all(), types: [Ingress], ingress: [" + r + "]}\n"
}

func gnp(r string) string {
	return "GNP p: {selector: all(), types: [Ingress], ingress: [" + r + "]}\n"
}

// knp is one of Kubernetes.
func knp(r string) string {
	return "KNP shop/p: {podSelector: {}, policyTypes: [Ingress], ingress: [" + r + "]}\n"
}

type clusterCase struct {
	reason   string
	world    string
	release  string
	question string
	want     string
}

// clusterCases are about peers that are resolved, and about workload endpoints by
// themselves; endsCases are about both ends.
var clusterCases = []clusterCase{
	// A host endpoint, whose peers are pods.
	{"a selector in a rule for a host chooses pods", hosts + shop + gnp("{action: Allow, source: {selector: app == 'web'}}"), "", "a in TCP 10.9.0.1 80", byP},
	{"and not other pods", hosts + shop + gnp("{action: Allow, source: {selector: app == 'web'}}"), "", "a in TCP 10.9.0.2 80", endOfP},
	{"a namespaceSelector sees the labels of the namespace", hosts + shop + gnp("{action: Allow, source: {namespaceSelector: team == 'x'}}"), "", "a in TCP 10.9.0.2 80", byP},
	{"and of no other", hosts + shop + gnp("{action: Allow, source: {namespaceSelector: team == 'x'}}"), "", "a in TCP 10.9.0.3 80", endOfP},
	{"it knows the name of the namespace", hosts + shop + gnp("{action: Allow, source: {namespaceSelector: projectcalico.org/name == 'other'}}"), "", "a in TCP 10.9.0.3 80", byP},
	{"even if the namespace has a label of that key", hosts + shop + "Namespace odd: {projectcalico.org/name: other}\nPod odd/z: {node: n1, ip: 10.9.0.9}\n" + gnp("{action: Allow, source: {namespaceSelector: projectcalico.org/name == 'other'}}"), "", "a in TCP 10.9.0.9 80", endOfP},
	{"all() as namespaceSelector chooses pods of all namespaces, and no host", hosts + shop + gnp("{action: Allow, source: {namespaceSelector: all()}}"), "", "a in TCP 10.9.0.3 80", byP},
	{"to which a host's address does not belong", hosts + shop + gnp("{action: Allow, source: {namespaceSelector: all()}}"), "", "a in TCP 10.0.0.2 80", endOfP},
	{"global() chooses no pods", hosts + shop + gnp("{action: Allow, source: {namespaceSelector: global()}}"), "", "a in TCP 10.9.0.1 80", endOfP},
	{"all() chooses pods as well as hosts", hosts + shop + gnp("{action: Allow, source: {selector: all()}}"), "", "a in TCP 10.9.0.1 80", byP},
	{"and nobody's address it does not choose", hosts + shop + gnp("{action: Allow, source: {selector: all()}}"), "", "a in TCP 192.0.2.1 80", endOfP},
	{"a service account is chosen by its name", hosts + shop + gnp("{action: Allow, source: {serviceAccounts: {names: [front]}}}"), "", "a in TCP 10.9.0.1 80", byP},
	{"a pod without one is not", hosts + shop + gnp("{action: Allow, source: {serviceAccounts: {names: [front]}}}"), "", "a in TCP 10.9.0.2 80", endOfP},
	{"or by its labels", hosts + shop + gnp("{action: Allow, source: {serviceAccounts: {selector: tier == 'edge'}}}"), "", "a in TCP 10.9.0.1 80", byP},
	{"name and labels have to be of one account", hosts + shop + gnp("{action: Allow, source: {serviceAccounts: {names: [front], selector: tier == 'back'}}}"), "", "a in TCP 10.9.0.1 80", endOfP},
	{"a name of more than 62 characters is none of the pod's labels, but Felix is told", hosts + "Namespace shop: {}\nPod shop/l: {node: n1, ip: 10.9.0.4, account: a123456789012345678901234567890123456789012345678901234567890123}\n" + gnp("{action: Allow, source: {serviceAccounts: {names: [a123456789012345678901234567890123456789012345678901234567890123]}}}"), "", "a in TCP 10.9.0.4 80", byP},
	{"a pod's own labels cannot put it into another namespace", hosts + shop + "Pod other/liar: {node: n1, ip: 10.9.0.7, labels: {projectcalico.org/namespace: shop, pcns.team: x}}\n" + gnp("{action: Allow, source: {namespaceSelector: team == 'x'}}"), "", "a in TCP 10.9.0.7 80", endOfP},
	{"nor into another service account", hosts + shop + "Pod other/liar: {node: n1, ip: 10.9.0.7, account: batch, labels: {projectcalico.org/serviceaccount: front, pcsa.tier: edge}}\n" + gnp("{action: Allow, source: {serviceAccounts: {selector: tier == 'edge'}}}"), "", "a in TCP 10.9.0.7 80", endOfP},
	{"a pod in the network of its host is the host, and no pod", hosts + shop + "Pod shop/agent: {node: n2, ip: 10.0.0.2, hostNetwork: true, labels: {app: agent}}\n" + gnp("{action: Allow, source: {selector: app == 'agent'}}"), "", "a in TCP 10.0.0.2 80", endOfP},
	{"a pod that no node runs is none", hosts + shop + "Pod shop/next: {ip: 10.9.0.8, labels: {app: web}}\n" + gnp("{action: Allow, source: {selector: app == 'web'}}"), "", "a in TCP 10.9.0.8 80", endOfP},
	{"one that has ended has lost its address", hosts + shop + "Pod shop/done: {node: n1, ip: 10.9.0.8, phase: Succeeded, labels: {app: web}}\n" + gnp("{action: Allow, source: {selector: app == 'web'}}"), "", "a in TCP 10.9.0.8 80", endOfP},
	{"so has one that failed", hosts + shop + "Pod shop/done: {node: n1, ip: 10.9.0.8, phase: Failed, labels: {app: web}}\n" + gnp("{action: Allow, source: {selector: app == 'web'}}"), "", "a in TCP 10.9.0.8 80", endOfP},
	{"one that is being deleted still has it", hosts + shop + "Pod shop/end: {node: n1, ip: 10.9.0.8, phase: Running, deleting: true, annotations: {cni.projectcalico.org/podIP: 10.9.0.8/32}, labels: {app: web}}\n" + gnp("{action: Allow, source: {selector: app == 'web'}}"), "", "a in TCP 10.9.0.8 80", byP},
	{"until the CNI plugin says that it has taken it away", hosts + shop + "Pod shop/end: {node: n1, ip: 10.9.0.8, phase: Running, deleting: true, annotations: {cni.projectcalico.org/podIP: ''}, labels: {app: web}}\n" + gnp("{action: Allow, source: {selector: app == 'web'}}"), "", "a in TCP 10.9.0.8 80", endOfP},
	{"which means nothing of a pod that is not being deleted", hosts + shop + "Pod shop/up: {node: n1, ip: 10.9.0.8, phase: Running, annotations: {cni.projectcalico.org/podIP: ''}, labels: {app: web}}\n" + gnp("{action: Allow, source: {selector: app == 'web'}}"), "", "a in TCP 10.9.0.8 80", byP},
	{"before the status has an address, an annotation tells it", hosts + shop + "Pod shop/new: {node: n1, phase: Pending, annotations: {cni.projectcalico.org/podIPs: '10.9.0.8/32,fd09::8/128'}, labels: {app: web}}\n" + gnp("{action: Allow, source: {selector: app == 'web'}}"), "", "a in TCP 10.9.0.8 80", byP},
	{"of two pods with one address, that one is chosen is enough", hosts + shop + "Pod other/twin: {node: n1, ip: 10.9.0.1, labels: {app: twin}}\n" + gnp("{action: Deny, source: {selector: app == 'twin'}}, {action: Allow, source: {selector: app == 'web'}}"), "", "a in TCP 10.9.0.1 80", `denied by rule 1 of ingress of policy "p" in tier "default"`},
	{"and so it is not for a notSelector beside a selector, which have to suit one pod", hosts + shop + "Pod other/twin: {node: n1, ip: 10.9.0.1, labels: {app: twin}}\n" + gnp("{action: Allow, source: {selector: has(app), notSelector: app == 'twin'}}"), "", "a in TCP 10.9.0.1 80", byP},
	{"a notSelector alone denies the address if one pod with it is chosen", hosts + shop + "Pod other/twin: {node: n1, ip: 10.9.0.1, labels: {app: twin}}\n" + gnp("{action: Allow, source: {notSelector: app == 'twin'}}"), "", "a in TCP 10.9.0.1 80", endOfP},
	{"a workload endpoint in etcd counts as a pod does", hosts + "Profile kns.vm: {labelsToApply: {pcns.team: x}}\nWEP vm/n1-os-w-e: {metadata: {labels: {app: vm, projectcalico.org/namespace: vm}}, spec: {orchestrator: openstack, workload: w, node: n1, ipNetworks: [10.9.1.1/32], profiles: [kns.vm]}}\n" + gnp("{action: Allow, source: {selector: app == 'vm', namespaceSelector: team == 'x'}}"), "", "a in TCP 10.9.1.1 80", byP},
	{"without an address it is none", hosts + "WEP vm/n1-os-w-e: {metadata: {labels: {app: vm}}, spec: {workload: w, node: n1}}\n" + gnp("{action: Allow, source: {selector: app == 'vm'}}"), "", "a in TCP 10.9.1.1 80", endOfP},
	{"out of a host, a pod is chosen by the destination", hosts + shop + "GNP p: {selector: role == 'host', types: [Egress], egress: [{action: Allow, protocol: TCP, destination: {selector: app == 'db', ports: [5432]}}]}", "", "a out TCP 10.9.0.2 5432", `allowed by rule 1 of egress of policy "p" in tier "default"`},
	{"a named port is the one that the chosen pod has by that name", hosts + shop + "GNP p: {selector: role == 'host', types: [Egress], egress: [{action: Allow, protocol: TCP, destination: {selector: app == 'db', ports: [pg]}}]}", "", "a out TCP 10.9.0.2 5432", `allowed by rule 1 of egress of policy "p" in tier "default"`},
	{"and no other port of it", hosts + shop + "GNP p: {selector: role == 'host', types: [Egress], egress: [{action: Allow, protocol: TCP, destination: {selector: app == 'db', ports: [pg]}}]}", "", "a out TCP 10.9.0.2 5433", `denied by the end of tier "default" (no rule of egress of "p" decides)`},

	// Services.
	{"a service as the source is the addresses of its endpoints, whatever the port", hosts + "Slice shop/s-1: {endpoints: [{addresses: [10.9.0.1]}], ports: [{port: 8080}]}\n" + gnp("{action: Allow, source: {services: {name: s, namespace: shop}}}"), "", "a in TCP 10.9.0.1 80", byP},
	{"and no other addresses", hosts + "Slice shop/s-1: {endpoints: [{addresses: [10.9.0.1]}], ports: [{port: 8080}]}\n" + gnp("{action: Allow, source: {services: {name: s, namespace: shop}}}"), "", "a in TCP 10.9.0.2 80", endOfP},
	{"as the destination it is their addresses and ports", hosts + "Slice shop/s-1: {endpoints: [{addresses: [10.9.0.1]}], ports: [{port: 8080}]}\nGNP p: {selector: role == 'host', types: [Egress], egress: [{action: Allow, destination: {services: {name: s, namespace: shop}}}]}", "", "a out TCP 10.9.0.1 8080", `allowed by rule 1 of egress of policy "p" in tier "default"`},
	{"not other ports", hosts + "Slice shop/s-1: {endpoints: [{addresses: [10.9.0.1]}], ports: [{port: 8080}]}\nGNP p: {selector: role == 'host', types: [Egress], egress: [{action: Allow, destination: {services: {name: s, namespace: shop}}}]}", "", "a out TCP 10.9.0.1 80", `denied by the end of tier "default" (no rule of egress of "p" decides)`},
	{"a port without a protocol is one of TCP", hosts + "Slice shop/s-1: {endpoints: [{addresses: [10.9.0.1]}], ports: [{port: 8080}]}\nGNP p: {selector: role == 'host', types: [Egress], egress: [{action: Allow, destination: {services: {name: s, namespace: shop}}}]}", "", "a out UDP 10.9.0.1 8080", `denied by the end of tier "default" (no rule of egress of "p" decides)`},
	{"a slice of UDP is of UDP", hosts + "Slice shop/s-1: {endpoints: [{addresses: [10.9.0.1]}], ports: [{port: 54, protocol: UDP}]}\nGNP p: {selector: role == 'host', types: [Egress], egress: [{action: Allow, destination: {services: {name: s, namespace: shop}}}]}", "", "a out UDP 10.9.0.1 54", `allowed by rule 1 of egress of policy "p" in tier "default"`},
	{"all slices of a service count together", hosts + "Slice shop/s-1: {endpoints: [{addresses: [10.9.0.1]}], ports: [{port: 8080}]}\nSlice shop/s-2: {endpoints: [{addresses: [10.9.0.7]}], ports: [{port: 9090}]}\nGNP p: {selector: role == 'host', types: [Egress], egress: [{action: Allow, destination: {services: {name: s, namespace: shop}}}]}", "", "a out TCP 10.9.0.7 9090", `allowed by rule 1 of egress of policy "p" in tier "default"`},
	{"a slice of the same service's name in another namespace does not", hosts + "Slice other/s-1: {endpoints: [{addresses: [10.9.0.1]}], ports: [{port: 8080}]}\n" + gnp("{action: Allow, source: {services: {name: s, namespace: shop}}}"), "", "a in TCP 10.9.0.1 80", endOfP},
	{"a service without slices has no endpoints", hosts + gnp("{action: Allow, source: {services: {name: s, namespace: shop}}}"), "", "a in TCP 10.9.0.1 80", endOfP},
	{"a slice without a port has none as a destination", hosts + "Slice shop/s-1: {endpoints: [{addresses: [10.9.0.1]}]}\nGNP p: {selector: role == 'host', types: [Egress], egress: [{action: Allow, destination: {services: {name: s, namespace: shop}}}]}", "", "a out TCP 10.9.0.1 8080", `denied by the end of tier "default" (no rule of egress of "p" decides)`},
	{"names of hosts in a slice are passed over", hosts + "Slice shop/s-1: {endpoints: [{addresses: [db.example.com]}, {addresses: [10.9.0.1]}], ports: [{port: 8080}]}\n" + gnp("{action: Allow, source: {services: {name: s, namespace: shop}}}"), "", "a in TCP 10.9.0.1 80", byP},
	{"an address of the service itself never reaches a rule", hosts + "Service shop/s: {clusterIP: 10.96.0.1}\n" + shut, "", "a out TCP 10.96.0.1 80", `cannot be decided: 10.96.0.1 is an address of service "shop/s", in whose place kube-proxy puts that of one of its endpoints before policies are asked: ask about the endpoints`},
	{"which is so for pods, too", shop + "Service shop/s: {clusterIP: None, clusterIPs: [10.96.0.1]}\n", "", "shop/web out TCP 10.96.0.1 80", `cannot be decided: 10.96.0.1 is an address of service "shop/s", in whose place kube-proxy puts that of one of its endpoints before policies are asked: ask about the endpoints`},

	// Workload endpoints, and what is for them.
	{"without policies the profile of its namespace lets all to a pod", shop, "", toWeb, byNamespace},
	{"and all from it", shop, "", "shop/web out UDP 192.0.2.1 53", outOfShop},
	{"no failsafe port holds at a pod", shop + shut, "", "shop/web in TCP 192.0.2.1 22", byShut},
	{"a policy that selects the pod governs it, and ends with a drop", shop + np("{action: Allow, protocol: TCP, destination: {ports: [80]}}"), "", toWeb, endOfNP},
	{"and allows what it allows", shop + np("{action: Allow, protocol: TCP, destination: {ports: [8080]}}"), "", toWeb, byNP},
	{"in the direction that it governs alone", shop + np("{action: Allow, protocol: TCP, destination: {ports: [80]}}"), "", "shop/web out TCP 10.9.0.2 80", outOfShop},
	{"a policy of a namespace is for the pods of that namespace", shop + np("{action: Deny}"), "", "other/job in TCP 10.9.0.2 80", `allowed by rule 1 of ingress of profile "kns.other"`},
	{"a global one is for all", shop + gnp("{action: Deny}"), "", "other/job in TCP 10.9.0.2 80", `denied by rule 1 of ingress of policy "p" in tier "default"`},
	{"unless its namespaceSelector says otherwise", shop + "GNP p: {namespaceSelector: team == 'x', types: [Ingress], ingress: [{action: Deny}]}", "", "other/job in TCP 10.9.0.2 80", `allowed by rule 1 of ingress of profile "kns.other"`},
	{"global() there leaves out nothing, not even pods, as Calico replaces it in rules alone", shop + "GNP p: {namespaceSelector: global(), types: [Ingress], ingress: [{action: Deny}]}", "", "other/job in TCP 10.9.0.2 80", `denied by rule 1 of ingress of policy "p" in tier "default"`},
	{"but with it the policy's own all() means what has a namespace", hosts + "GNP p: {selector: all(), namespaceSelector: global(), types: [Ingress], ingress: [{action: Allow}]}", "", "a in TCP 10.9.0.2 80", `denied by default: no policy and no profile allows it on ingress`},
	{"a rule's notSelector global() leaves out all that has labels", hosts + shop + gnp("{action: Allow, source: {notSelector: global()}}"), "", "a in TCP 10.9.0.1 80", endOfP},
	{"and nobody's address it lets through", hosts + shop + gnp("{action: Allow, source: {notSelector: global()}}"), "", "a in TCP 192.0.2.1 80", byP},
	{"or its serviceAccountSelector", shop + "GNP p: {serviceAccountSelector: tier == 'edge', types: [Ingress], ingress: [{action: Deny}]}", "", "other/job in TCP 10.9.0.2 80", `allowed by rule 1 of ingress of profile "kns.other"`},
	{"by which it is for the pods of the account", shop + "GNP p: {serviceAccountSelector: tier == 'edge', types: [Ingress], ingress: [{action: Deny}]}", "", toWeb, `denied by rule 1 of ingress of policy "p" in tier "default"`},
	{"applyOnForward makes no difference to pods", shop + "GNP p: {selector: all(), applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}", "", toWeb, `denied by rule 1 of ingress of policy "p" in tier "default"`},
	{"preDNAT does: such a policy is none of theirs", shop + "GNP p: {selector: all(), preDNAT: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}", "", toWeb, byNamespace},
	{"and so does doNotTrack", shop + "GNP p: {selector: all(), doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}", "", toWeb, byNamespace},
	{"a staged policy does nothing", shop + "SNP shop/p: {selector: all(), types: [Ingress], ingress: [{action: Deny}]}", "", toWeb, byNamespace},
	{"tiers come in their order", shop + "Tier sec: {order: 10}\nGNP sec.d: {tier: sec, selector: app == 'web', types: [Ingress], ingress: [{action: Deny}]}\n" + np("{action: Allow}"), "", toWeb, `denied by rule 1 of ingress of policy "sec.d" in tier "sec"`},
	{"Pass goes on to the next", shop + "Tier sec: {order: 10}\nGNP sec.d: {tier: sec, selector: app == 'web', types: [Ingress], ingress: [{action: Pass}]}\n" + np("{action: Allow}"), "", toWeb, byNP},
	{"and after the last tier to the profiles", shop + "Tier sec: {order: 10}\nGNP sec.d: {tier: sec, selector: app == 'web', types: [Ingress], ingress: [{action: Pass}]}\n", "", toWeb, byNamespace},
	{"a namespace that is gone has no profile, and its pods no traffic", "Pod gone/z: {node: n1, ip: 10.9.0.9}", "", "gone/z in TCP 10.9.0.1 80", `denied by profile "kns.gone", which does not exist`},
	{"a service account that is gone does not matter after the namespace's profile", "Namespace shop: {}\nPod shop/z: {node: n1, ip: 10.9.0.9, account: gone}", "", "shop/z in TCP 10.9.0.1 80", byNamespace},
	{"a rule of a policy in a namespace chooses from that namespace", shop + np("{action: Allow, source: {selector: has(app)}}"), "", "shop/web in TCP 10.9.0.2 80", byNP},
	{"and not from others", shop + np("{action: Allow, source: {selector: has(app)}}"), "", "shop/web in TCP 10.9.0.3 80", endOfNP},
	{"unless its namespaceSelector does", shop + np("{action: Allow, source: {selector: has(app), namespaceSelector: team == 'z'}}"), "", "shop/web in TCP 10.9.0.3 80", byNP},
	{"a named port is one of the pod's own", shop + np("{action: Allow, protocol: TCP, destination: {ports: [http]}}"), "", "shop/web in TCP 10.9.0.2 8080", byNP},
	{"of the rule's protocol", shop + np("{action: Allow, protocol: TCP, destination: {ports: [dns]}}"), "", "shop/web in TCP 10.9.0.2 53", endOfNP},
	{"the address of the pod itself is known", shop + np("{action: Allow, destination: {nets: [10.9.0.1/32]}}"), "", "shop/web in TCP 10.9.0.2 80", byNP},
	{"of an IPv6 flow it is that of IPv6", shop + np("{action: Allow, destination: {nets: ['fd09::2/128']}}"), "", "shop/db in TCP fd09::9 80", byNP},
	{"conditions on HTTP are a mesh's, if there is one", shop + np("{action: Allow, protocol: TCP, http: {methods: [GET]}}"), "", toWeb, `cannot be decided: rule 1 of ingress of policy "p" of namespace "shop" in tier "default" has conditions on HTTP, of which Felix knows nothing: a proxy of a service mesh may check them beside Felix`},
	{"and leave no doubt where they make no difference", shop + np("{action: Allow, protocol: TCP, http: {methods: [GET]}}, {action: Allow}"), "", "shop/web in UDP 10.9.0.2 53", `allowed by rule 2 of ingress of policy "p" of namespace "shop" in tier "default"`},
	{"a pod sends no VXLAN", shop, "", "shop/web out UDP 192.0.2.1 4789", `denied by VXLAN packets from a workload are dropped, as allowVXLANPacketsFromWorkloads is not set`},
	{"unless Felix is told to let it", shop + "Felix default: {allowVXLANPacketsFromWorkloads: true}", "", "shop/web out UDP 192.0.2.1 4789", outOfShop},
	{"of the port that Felix uses for it", shop + "Felix default: {vxlanPort: 8472}", "", "shop/web out UDP 192.0.2.1 4789", outOfShop},
	{"no flow of every port goes as a whole", shop, "", "shop/web out UDP 192.0.2.1", `denied for port 4789 by VXLAN packets from a workload are dropped, as allowVXLANPacketsFromWorkloads is not set, though not for all of the flow`},
	{"a pod receives it", shop, "", "shop/web in UDP 192.0.2.1 4789", byNamespace},
	{"a pod sends no IPIP", shop, "", "shop/web out 4 192.0.2.1", `denied by IPIP packets from a workload are dropped, as allowIPIPPacketsFromWorkloads is not set`},
	{"a policy that Felix cannot program for a pod stops Felix for the whole node", shop + hosts + np("{action: Allow, protocol: TCP, notProtocol: UDP}"), "", "a in TCP 10.9.0.2 80", `cannot be decided: Felix of node "n1" is stuck: rule 1 of ingress of policy "p" of namespace "shop" in tier "default" has both protocol and notProtocol, which iptables refuses: Felix fails over it again and again, no later change takes effect, and once the host starts anew nothing is enforced`},
}

func TestClusterCases(t *testing.T) {
	checkCluster(t, clusterCases)
	checkCluster(t, kubernetesCases)
	checkCluster(t, endsCases)
	if n := len(clusterCases) + len(kubernetesCases) + len(endsCases); n < 80 {
		t.Errorf("%d cases", n)
	}
}

func checkCluster(t *testing.T, cases []clusterCase) {
	for _, test := range cases {
		release := test.release
		if release == "" {
			release = anyRelease
		}
		r, err := calico.ParseRelease(release)
		if err != nil {
			t.Fatal(err)
		}
		got, v := ask(t, parseCluster(t, test.world).world(r), test.question)
		if got != test.want {
			t.Errorf("%s: %s\n got %s\nwant %s\ntrace:\n%s", test.reason, test.question, got, test.want, traceText(v))
		}
		if v.Outcome != verdict.Undecided && v.By.Kind == verdict.CauseNone {
			t.Errorf("%s: no cause", test.reason)
		}
	}
}
