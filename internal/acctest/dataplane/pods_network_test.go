//go:build dataplane && linux

package dataplane

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// place is a pod as the network knows it: one of this host, behind an interface of its
// own, or one of another node, which is reached through the outer interface.
type place struct {
	*namespace
	// podNamespace and podName are those of the Pod object.
	podNamespace, podName string
	// iface is the host's end of the pod's link, "" for a pod of another node.
	iface string
}

// podNetwork is the network with pods in it:
//
//	outside --- eth0  host  caliXXXXXXXXXXX -- pod
//	                        caliXXXXXXXXXXX -- pod
//
// Pods of another node are like what else is outside: nothing but their addresses makes
// them pods, and no Felix is on their own node.
type podNetwork struct {
	*network
	pods map[string]*place
}

// podInterface is the name that Calico gives the host's end of a pod's link, and by
// which alone Felix knows whose traffic it is.
func podInterface(namespace, name string) string {
	sum := sha1.Sum([]byte(namespace + "." + name))
	return "cali" + hex.EncodeToString(sum[:])[:11]
}

// The pods of this host have addresses in the first two networks, those of the other
// node in the second two. None is in a network that the host has an address in.
const (
	localPods4, localPods6   = "192.168.7.", "fd02::"
	remotePods4, remotePods6 = "192.168.8.", "fd03::"
	// vxlanPort is where tunnels end, which Felix keeps pods from.
	vxlanPort = 4789
)

// newPodNetwork makes the network with pods, by NAMESPACE/NAME, of this host and of
// another node. The n-th of them has the addresses that end in n, counted from 10.
func newPodNetwork(t *testing.T, local, remote []string) *podNetwork {
	t.Helper()
	n := &podNetwork{network: newNetwork(t), pods: map[string]*place{}}
	for _, at := range []*namespace{n.management, n.other} {
		at.must(t, "ip route add "+localPods4+"0/24 via 10.0.0.5", "ip -6 route add "+localPods6+"/64 via fd00::5")
	}
	// The host answers pods for no address that it has no route to itself. This one leads
	// nowhere: what goes there is dropped, and nobody is told.
	n.host.must(t, "ip link add void0 type veth peer name void1 netns "+n.bridge.path(),
		"ip link set void0 arp off up", "ip route add default dev void0", "ip -6 route add default dev void0")
	n.bridge.must(t, "ip link set void1 up")
	n.host.must(t, "ip route add "+remotePods4+"0/24 dev "+outerInterface, "ip -6 route add "+remotePods6+"/64 dev "+outerInterface)
	for i, name := range local {
		n.addLocal(t, n.newPlace(t, name, i, localPods4, localPods6), i)
	}
	for i, name := range remote {
		n.addRemote(t, n.newPlace(t, name, i, remotePods4, remotePods6), i)
	}
	for _, p := range n.pods {
		if err := p.listen(t); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"other", "shop/db"} {
		if err := n.at(name).takeUDP(t, vxlanPort); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func (n *podNetwork) newPlace(t *testing.T, fullName string, i int, net4, net6 string) *place {
	t.Helper()
	made, err := newNamespace(fullName)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.file.Close() })
	made.addrs = addresses(fmt.Sprintf("%s%d", net4, 10+i), fmt.Sprintf("%s%d", net6, 10+i))
	p := &place{namespace: made}
	p.podNamespace, p.podName, _ = strings.Cut(fullName, "/")
	n.pods[fullName] = p
	p.must(t, "ip link set lo up")
	return p
}

// hostSideMAC is what Calico gives the host's end of every pod's link.
const hostSideMAC = "ee:ee:ee:ee:ee:ee"

// addLocal links a pod to the host as Calico's CNI plugin does: the pod sends everything
// to an address that the host has nowhere, for which the host answers. Felix is left to
// make the host answer (proxy_arp), and to make the routes to the pod.
func (n *podNetwork) addLocal(t *testing.T, p *place, i int) {
	t.Helper()
	p.iface = podInterface(p.podNamespace, p.podName)
	n.host.must(t, fmt.Sprintf("ip link add %s address %s type veth peer name eth0 address %s netns %s", p.iface, hostSideMAC, mac(100+i), p.path()))
	// An answer on behalf of others comes late by default.
	for _, setting := range []string{"ipv4/neigh/" + p.iface + "/proxy_delay", "ipv6/conf/" + p.iface + "/accept_dad"} {
		if err := n.host.set(setting, "0"); err != nil {
			t.Fatal(err)
		}
	}
	n.host.must(t,
		"ip link set "+p.iface+" up",
		// IPv6 looks for its neighbours with ICMPv6, which policies are about.
		fmt.Sprintf("ip -6 neigh replace %s lladdr %s nud permanent dev %s", p.addrs[1], mac(100+i), p.iface))
	const gateway4, gateway6 = "169.254.1.1", "fe80::ecee:eeff:feee:eeee"
	p.must(t,
		"ip link set eth0 up",
		fmt.Sprintf("ip addr add %s/32 dev eth0", p.addrs[0]),
		fmt.Sprintf("ip addr add %s/128 dev eth0 nodad", p.addrs[1]),
		"ip route add "+gateway4+" dev eth0 scope link", "ip route add default via "+gateway4+" dev eth0",
		"ip -6 route add "+gateway6+" dev eth0", "ip -6 route add default via "+gateway6+" dev eth0",
		fmt.Sprintf("ip -6 neigh replace %s lladdr %s nud permanent dev eth0", gateway6, hostSideMAC))
}

// addRemote puts a pod of another node outside.
func (n *podNetwork) addRemote(t *testing.T, p *place, i int) {
	t.Helper()
	address := mac(50 + i)
	n.bridge.must(t,
		fmt.Sprintf("ip link add pod%d type veth peer name %s address %s netns %s", i, outerInterface, address, p.path()),
		fmt.Sprintf("ip link set pod%d master br0 up", i))
	p.must(t,
		"ip link set "+outerInterface+" up",
		fmt.Sprintf("ip addr add %s/24 dev %s", p.addrs[0], outerInterface),
		fmt.Sprintf("ip addr add %s/64 dev %s nodad", p.addrs[1], outerInterface),
		"ip route add 10.0.0.5 dev "+outerInterface, "ip route add default via 10.0.0.5",
		"ip -6 route add fd00::5 dev "+outerInterface, "ip -6 route add default via fd00::5")
	n.host.must(t, fmt.Sprintf("ip -6 neigh replace %s lladdr %s nud permanent dev %s", p.addrs[1], address, outerInterface))
	for _, addr := range n.host.addrs {
		if addr.Is6() {
			p.must(t, fmt.Sprintf("ip -6 neigh replace %s lladdr %s nud permanent dev %s", addr, mac(0), outerInterface))
		}
	}
}

// takeUDP takes what is sent to one more port.
func (n *namespace) takeUDP(t *testing.T, port uint16) error {
	var packets net.PacketConn
	err := n.do(func() (err error) {
		packets, err = net.ListenPacket("udp", fmt.Sprintf(":%d", port))
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot listen at %s: %w", n.name, err)
	}
	t.Cleanup(func() { _ = packets.Close() })
	go n.noteAll(packets, udp)
	return nil
}

// at returns whose address it is: the namespaces in which it can be a flow's end.
func (n *podNetwork) at(name string) *namespace {
	if p := n.pods[name]; p != nil {
		return p.namespace
	}
	for _, at := range []*namespace{n.host, n.management, n.other, n.inside} {
		if at.name == name {
			return at
		}
	}
	return nil
}

// placeOf returns the pod that is a flow's end, nil if it is none.
func (n *podNetwork) placeOf(at *namespace) *place { return n.pods[at.name] }

// isLocal tells whether an end of a flow is a pod of this host.
func (n *podNetwork) isLocal(at *namespace) bool {
	p := n.placeOf(at)
	return p != nil && p.iface != ""
}

// addressFor returns an address of an end of a flow to another one.
func (n *podNetwork) addressFor(at, other *namespace, v6 bool) netip.Addr {
	addrs := at.addrs
	if at == n.host && other == n.inside {
		addrs = innerAddresses
	}
	for _, addr := range addrs {
		if addr.Is6() == v6 {
			return addr
		}
	}
	return netip.Addr{}
}
