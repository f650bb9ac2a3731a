//go:build dataplane && linux

package dataplane

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace that nothing but this process holds: it is
// gone, with all that is in it, when the process ends.
type namespace struct {
	name string
	file *os.File
	// addrs are those on the link to others.
	addrs []netip.Addr
	*arrivals
}

func newNamespace(name string) (*namespace, error) {
	n := &namespace{name: name, arrivals: newArrivals()}
	err := onOwnThread(func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("unshare of a network namespace", err)
		}
		n.file, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	return n, err
}

// onOwnThread runs do on a thread that ends afterwards, so that what do changes of
// the thread meets nobody else.
func onOwnThread(do func() error) error {
	done := make(chan error, 1)
	go func() {
		// Never unlocked: that makes the thread end with the goroutine.
		runtime.LockOSThread()
		done <- do()
	}()
	return <-done
}

// do runs f in the namespace. Sockets stay in the namespace that they are made in,
// and so do the processes that f starts.
func (n *namespace) do(f func() error) error {
	return onOwnThread(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		return f()
	})
}

func (n *namespace) enter() error {
	if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("cannot enter the namespace of %s: %w", n.name, os.NewSyscallError("setns", err))
	}
	return nil
}

// path names the namespace for ip, which takes what has a slash for a file.
func (n *namespace) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd()) }

// run runs a program in the namespace, and returns what it printed.
func (n *namespace) run(command string) (output string, err error) {
	err = n.do(func() error {
		args := strings.Fields(command)
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		output = string(out)
		if err != nil {
			return fmt.Errorf("%s, at %s: %w\n%s", command, n.name, err, out)
		}
		return nil
	})
	return output, err
}

// must runs programs in the namespace, none of which may fail.
func (n *namespace) must(t *testing.T, commands ...string) {
	t.Helper()
	for _, command := range commands {
		if _, err := n.run(command); err != nil {
			t.Fatal(err)
		}
	}
}

// set sets one of the kernel's settings of the network, for the namespace.
func (n *namespace) set(setting, value string) error {
	return n.do(func() error { return os.WriteFile("/proc/sys/net/"+setting, []byte(value), 0) })
}

// network is a host that Felix protects, and those around it:
//
//	management --+            +-- eth0  host  eth1 -- inside
//	             +-- bridge --+
//	other -------+
//
// The bridge is a namespace of its own. Traffic between the two peers and inside
// is forwarded by the host.
type network struct {
	host, management, other, inside *namespace
	// bridge is not one that flows are made from.
	bridge *namespace
}

const (
	outerInterface, innerInterface, loopback = "eth0", "eth1", "lo"
	// markInterface has a host endpoint of its own, by which is seen how far Felix
	// is: see felix.settle.
	markInterface = "mark0"
)

// The host's addresses at its other interfaces.
var (
	innerAddresses    = addresses("172.31.0.1", "fd01::1")
	loopbackAddresses = addresses("127.0.0.1", "::1")
)

func addresses(texts ...string) []netip.Addr {
	var addrs []netip.Addr
	for _, text := range texts {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	return addrs
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{}
	for name, into := range map[string]**namespace{
		"bridge": &n.bridge, "host": &n.host, "management": &n.management, "other": &n.other, "inside": &n.inside,
	} {
		made, err := newNamespace(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = made.file.Close() })
		*into = made
	}
	n.host.addrs = addresses("10.0.0.5", "10.0.0.6", "fd00::5", "fd00::6")
	n.management.addrs = addresses("10.1.0.10", "10.1.0.11", "fd00::1:10", "fd00::1:11")
	n.other.addrs = addresses("10.2.0.10", "10.2.0.11", "10.3.0.10", "fd00::2:10", "fd00::2:11", "fd00::3:10")
	n.inside.addrs = addresses("172.31.0.2", "fd01::2")

	must := func(at *namespace, commands ...string) {
		t.Helper()
		at.must(t, commands...)
	}
	must(n.bridge, "ip link add br0 type bridge", "ip link set br0 up")
	outside := []*namespace{n.host, n.management, n.other}
	for i, at := range outside {
		must(n.bridge,
			fmt.Sprintf("ip link add port%d type veth peer name %s address %s netns %s", i, outerInterface, mac(i), at.path()),
			fmt.Sprintf("ip link set port%d master br0 up", i))
	}
	must(n.host,
		fmt.Sprintf("ip link add %s address %s type veth peer name %s address %s netns %s", innerInterface, mac(10), outerInterface, mac(11), n.inside.path()),
		"ip link add "+markInterface+" type veth peer name mark1", "ip addr add 169.254.77.1/32 dev "+markInterface)
	for _, at := range append(outside, n.inside) {
		must(at, "ip link set lo up", "ip link set "+outerInterface+" up")
		for _, addr := range at.addrs {
			must(at, fmt.Sprintf("ip addr add %s dev %s%s", netip.PrefixFrom(addr, prefixBits(addr, at == n.inside)), outerInterface, nodad(addr)))
		}
	}
	must(n.host, "ip link set "+innerInterface+" up", "ip link set mark1 up", "ip link set "+markInterface+" up",
		"ip addr add 172.31.0.1/24 dev "+innerInterface, "ip addr add fd01::1/64 nodad dev "+innerInterface)
	must(n.inside, "ip route add default via 172.31.0.1", "ip -6 route add default via fd01::1")
	for _, at := range outside[1:] {
		must(at, "ip route add 172.31.0.0/24 via 10.0.0.5", "ip -6 route add fd01::/64 via fd00::5")
	}
	// IPv6 looks for its neighbours with ICMPv6, which Felix would drop like any other.
	for i, at := range outside {
		for j, neighbour := range outside {
			for _, addr := range neighbour.addrs {
				if i != j && addr.Is6() {
					must(at, fmt.Sprintf("ip -6 neigh replace %s lladdr %s nud permanent dev %s", addr, mac(j), outerInterface))
				}
			}
		}
	}
	must(n.host, fmt.Sprintf("ip -6 neigh replace fd01::2 lladdr %s nud permanent dev %s", mac(11), innerInterface))
	must(n.inside, fmt.Sprintf("ip -6 neigh replace fd01::1 lladdr %s nud permanent dev %s", mac(10), outerInterface))

	for _, setting := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding"} {
		if err := n.host.set(setting, "1"); err != nil {
			t.Fatalf("cannot make the host a router: %v", err)
		}
	}
	for _, at := range append(outside, n.inside) {
		if err := at.listen(t); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func mac(i int) string { return fmt.Sprintf("02:00:00:00:00:%02x", i+1) }

func prefixBits(addr netip.Addr, inside bool) int {
	switch {
	case addr.Is6():
		return 64
	case inside:
		return 24
	default:
		return 8
	}
}

// nodad is for ip: an IPv6 address that is looked for on the link first cannot be
// used for a second.
func nodad(addr netip.Addr) string {
	if addr.Is6() {
		return " nodad"
	}
	return ""
}

// proxy makes what listens on an address of this process's own namespace be there
// in another one too, at the given address of that, and nowhere else.
func proxy(t *testing.T, into *namespace, listen, to string) {
	t.Helper()
	var listener net.Listener
	err := into.do(func() (err error) {
		listener, err = net.Listen("tcp", listen)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = near.Close() }()
				far, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer func() { _ = far.Close() }()
				go func() {
					_, _ = io.Copy(far, near)
					// Ends the other direction as well.
					_ = far.Close()
				}()
				_, _ = io.Copy(near, far)
			}()
		}
	}()
}
