//go:build dataplane && linux

// Package dataplane holds no code but a test: it compares the verdicts of package
// verdict with what Calico's Felix does to real connections: those of hosts, and in
// TestPods those of pods. Felix, those who connect, the API server and the provider are
// all real, and pods are what Felix takes for them; they live in network namespaces that
// nobody else sees. make test-dataplane runs it.
package dataplane

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

func TestMain(m *testing.M) {
	if err := missing(); err != nil {
		fmt.Fprintf(os.Stderr, "This test runs Calico's Felix in network namespaces, and cannot do so here:\n%v\n", err)
		os.Exit(1)
	}
	acctest.Main(m)
}

// missing tells what the test needs and does not have. It must not be skipped
// then: a run that is taken for a pass would be worse than none.
func missing() error {
	var errs []error
	var absent []string
	for _, program := range []string{
		"ip", "nft", "iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore", "ipset", "conntrack", "mount", "unshare",
	} {
		if _, err := exec.LookPath(program); err != nil {
			absent = append(absent, program)
		}
	}
	if len(absent) > 0 {
		errs = append(errs, fmt.Errorf("- there is no %s on PATH: install iptables, nftables, ipset, iproute2, conntrack and util-linux", strings.Join(absent, ", ")))
	}
	if os.Geteuid() != 0 {
		return errors.Join(append(errs, errors.New("- it has to run as root: sudo make test-dataplane"))...)
	}
	if errs != nil {
		return errors.Join(errs...)
	}
	n, err := newNamespace("nobody")
	if err != nil {
		return fmt.Errorf("- no network namespace can be made: %w (in a container, it needs to be privileged)", err)
	}
	defer func() { _ = n.file.Close() }()
	for _, need := range []struct{ what, command string }{
		{"pairs of interfaces", "ip link add v0 type veth peer name v1"},
		{"bridges", "ip link add b0 type bridge"},
		{"iptables", "iptables -t filter -A INPUT -m conntrack --ctstate INVALID -m comment --comment x"},
		{"iptables' table raw", "iptables -t raw -A PREROUTING -j CT --notrack"},
		{"iptables' table mangle", "iptables -t mangle -A PREROUTING -j MARK --set-mark 0x1/0x1"},
		{"iptables for IPv6", "ip6tables -t raw -A PREROUTING -p tcp -m multiport --dports 1,2"},
		{"ipset", "ipset create s4 hash:net family inet"},
		{"iptables' match of ipsets", "iptables -A INPUT -m set --match-set s4 src"},
		{"mount namespaces", "unshare --mount mount -t tmpfs tmpfs /mnt"},
	} {
		if _, err := n.run(need.command); err != nil {
			errs = append(errs, fmt.Errorf("- this kernel, or this container, does not let us use %s: %w", need.what, err))
		}
	}
	return errors.Join(errs...)
}
