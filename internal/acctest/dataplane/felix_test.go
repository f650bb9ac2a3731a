//go:build dataplane && linux

package dataplane

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

const (
	// node is what Felix calls its host.
	node = "db1"
	// calicoVersion is the release of Felix.
	calicoVersion = "v3.31.0"
	// settleTime bounds how long Felix may take for what it is given: a second, but
	// three where it has to start anew, and more on a machine that is busy.
	settleTime = time.Minute
)

// felix is the real Felix, and what is around it on a host: what starts it again
// when it ends, as it does for a new configuration.
type felix struct {
	host *namespace
	from *source
	// nftables is set for a Felix in nftables mode.
	nftables bool
	stop     context.CancelFunc
	done     chan struct{}

	mu     sync.Mutex
	starts int
	// crashes is how often it ended for no good reason since it last did its work.
	crashes int
	log     bytes.Buffer
	failed  error

	generation int
}

// felixScript runs Felix with nothing of this machine's for it to write to. The
// mount namespace that it runs in is its own.
const felixScript = `set -e
for dir in /run /var/lib /var/log; do mount -t tmpfs tmpfs "$dir"; done
mkdir -p /run/calico
exec "$1"
`

// startFelix runs Felix at the host, with the datastore, until the test ends.
func startFelix(t *testing.T, host *namespace, from *source, nftables bool) *felix {
	t.Helper()
	program, err := acctest.Tool("felix-v3.31")
	if err != nil {
		t.Fatal(err)
	}
	backend, err := iptablesBackend()
	if err != nil {
		t.Fatal(err)
	}
	proxy(t, host, hostAddress, from.address)
	ctx, stop := context.WithCancel(context.Background())
	f := &felix{host: host, from: from, nftables: nftables, stop: stop, done: make(chan struct{})}
	from.put(t, "HostEndpoint", marker, `{"marker":"this"}`, `{"node":"`+node+`","interfaceName":"`+markInterface+`"}`)
	go f.run(ctx, program, backend)
	t.Cleanup(func() {
		f.stopNow()
		if t.Failed() {
			t.Logf("the end of Felix's log:\n%s", f.lastWords())
		}
	})
	return f
}

// mayCrash is how often in a row Felix may end for no good reason. In nftables mode it
// does so now and then with nft 1.0.6, which fails ("BUG: unhandled op 2") where Felix
// replaces a rule by one with a range of ports in a list; it does its work when it is
// started again, as it is on real hosts.
func (f *felix) mayCrash() int {
	if f.nftables {
		return 3
	}
	return 0
}

// crashed counts one more crash, and returns how many there were.
func (f *felix) crashed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crashes++
	return f.crashes
}

// hasCrashed tells whether Felix has ended for no good reason.
func (f *felix) hasCrashed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.crashes > 0
}

// stopNow ends Felix, so that it takes no time from what comes next.
func (f *felix) stopNow() {
	f.stop()
	<-f.done
}

// run starts Felix again and again.
func (f *felix) run(ctx context.Context, program, backend string) {
	defer close(f.done)
	// The thread that starts Felix takes it along when it ends, and it stays in the
	// namespace: so it is never unlocked.
	runtime.LockOSThread()
	if err := f.host.enter(); err != nil {
		f.fail(err)
		return
	}
	for ctx.Err() == nil {
		cmd := exec.CommandContext(ctx, "sh", "-c", felixScript, "sh", program)
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
		cmd.Stdout, cmd.Stderr = f, f
		cmd.Env = append([]string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"FELIX_FELIXHOSTNAME=" + node,
			"FELIX_IPTABLESBACKEND=" + backend,
			"FELIX_NFTABLESMODE=" + nftablesMode(f.nftables),
			"FELIX_BPFENABLED=false",
			"FELIX_XDPENABLED=false",
			"FELIX_IPV6SUPPORT=true",
			// What is set here is not its to change.
			"FELIX_IPFORWARDING=Disabled",
			"FELIX_USAGEREPORTINGENABLED=false",
			"FELIX_HEALTHENABLED=false",
			"FELIX_LOGFILEPATH=none",
			"FELIX_LOGSEVERITYFILE=none",
			"FELIX_LOGSEVERITYSYS=none",
			"FELIX_LOGSEVERITYSCREEN=WARNING",
			// A build without the BPF library panics otherwise.
			"FELIX_DebugSkipCTLBCleanup=true",
		}, f.from.felix...)
		if err := cmd.Start(); err != nil {
			f.fail(err)
			return
		}
		f.mu.Lock()
		f.starts++
		f.mu.Unlock()
		// 129 is that it wants to be started again.
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 129 && ctx.Err() == nil && f.crashed() > f.mayCrash() {
			f.fail(fmt.Errorf("Felix ended: %w", err)) //nolint:revive,staticcheck // its name
			return
		}
	}
}

// nftablesMode is what Felix calls its mode.
func nftablesMode(nftables bool) string {
	if nftables {
		return "Enabled"
	}
	return "Disabled"
}

func (f *felix) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = err
}

// down tells whether Felix is gone for good.
func (f *felix) down() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed != nil
}

// Write takes Felix's log.
func (f *felix) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	const enough = 1 << 20
	if f.log.Len() > enough {
		f.log.Next(f.log.Len() / 2)
	}
	return f.log.Write(p)
}

func (f *felix) lastWords() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	const enough = 6000
	log := f.log.Bytes()
	return string(log[max(0, len(log)-enough):])
}

// started returns how often Felix was started.
func (f *felix) started() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.starts
}

// The marker is a policy that holds for nothing but an interface without traffic.
// The port of its rule tells from which state of the datastore Felix made its rules.
const (
	marker       = "zz-marker"
	markerPolicy = `{"order":1,"selector":"marker == 'this'","types":["Ingress"],"ingress":[{"action":"Allow","protocol":"TCP","source":{},"destination":{"ports":[%d]}}]}`
	// markerPort is the first of those ports. No other rule has one of them alone.
	markerPort = 10000
)

// settle waits until Felix has seen what is in the datastore now, and has
// written its rules. Where the failsafe ports have changed, restarted is how
// often Felix was started before they did: it has to start again.
func (f *felix) settle(t *testing.T, restarted int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), settleTime)
	defer cancel()
	f.wait(ctx, t, fmt.Sprintf("start for the %d. time, to take a new configuration", restarted+1), func() (bool, error) {
		return f.started() > restarted, nil
	})
	f.generation++
	port := markerPort + f.generation
	f.from.put(t, "GlobalNetworkPolicy", "default."+marker, "{}", fmt.Sprintf(markerPolicy, port))
	mark := fmt.Sprintf("dports %d ", port)
	if f.nftables {
		mark = fmt.Sprintf("dport %d ", port)
	}
	f.wait(ctx, t, "write rules with "+mark, func() (bool, error) {
		// Both of them: the rules of each are written by themselves.
		commands := []string{"iptables-save -t filter", "ip6tables-save -t filter"}
		if f.nftables {
			commands = []string{"nft list table ip calico", "nft list table ip6 calico"}
		}
		for _, save := range commands {
			rules, err := f.host.run(save)
			if err != nil || !strings.Contains(rules, mark) {
				return false, err
			}
		}
		return true, nil
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crashes = 0
}

// wait waits until it is so. An error is none for good: iptables-save, for one,
// fails where Felix changes the rules meanwhile.
func (f *felix) wait(ctx context.Context, t *testing.T, what string, is func() (bool, error)) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		done, err := is()
		if done {
			return
		}
		f.mu.Lock()
		failed := f.failed
		f.mu.Unlock()
		if failed != nil {
			t.Fatal(failed)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("Felix did not %s within %s (%v)", what, settleTime, err)
		}
	}
}

// iptablesBackend returns what Felix calls the iptables of this machine.
func iptablesBackend() (string, error) {
	out, err := exec.Command("iptables", "--version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("iptables --version: %w\n%s", err, out)
	}
	if strings.Contains(string(out), "nf_tables") {
		return "nft", nil
	}
	return "legacy", nil
}
