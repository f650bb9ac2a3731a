package acctest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// member is one server of an Etcd.
type member struct {
	name                  string
	program               string
	client, peer, metrics string
	dir                   string
	args                  []string
	outlive               bool
	process               *process
}

var (
	errPortTaken = errors.New("a port that was free was taken by another process meanwhile")
	errNoLeader  = errors.New("the cluster has no leader")
)

func (m *member) logFile() string { return filepath.Join(m.dir, "etcd.log") }

// start starts the member, if it does not run, and returns when it serves.
func (m *member) start(ctx context.Context) (err error) {
	if m.running() {
		return nil
	}
	// etcd tells a service manager when it is ready; we are the manager. This
	// needs no guess how its log reads and no asking again and again.
	socket := filepath.Join(m.dir, "ready")
	_ = os.Remove(socket)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	ready := make(chan error, 1)
	go func() {
		var message [512]byte
		n, err := conn.Read(message[:])
		if err == nil && !bytes.Contains(message[:n], []byte("READY=1")) {
			err = fmt.Errorf("etcd said %q in place of READY=1", message[:n])
		}
		ready <- err
	}()
	defer func() { _ = conn.Close() }()

	// A file, not a pipe: the server may outlive this process.
	log, err := os.OpenFile(m.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	logged, err := log.Seek(0, 2)
	if err != nil {
		return err
	}

	cmd := exec.Command(m.program, m.args...)
	cmd.Dir = m.dir
	// No environment but this: etcd takes ETCD_* variables as its flags, and a
	// user of calicoctl has some of them set.
	cmd.Env = []string{"NOTIFY_SOCKET=" + socket}
	cmd.Stdout, cmd.Stderr = log, log
	if m.outlive {
		outlive(cmd)
	} else {
		dieWithParent(cmd)
	}
	if m.process, err = startProcess(cmd); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			m.kill()
		}
	}()

	select {
	case err := <-ready:
		return err
	case <-m.process.ended:
		output := m.logSince(logged)
		if strings.Contains(output, "address already in use") {
			return fmt.Errorf("%s: %w", m.name, errPortTaken)
		}
		return fmt.Errorf("%s ended (%s); its last words:\n%s", m.name, cmd.ProcessState, output)
	case <-ctx.Done():
		return fmt.Errorf("%s does not serve: %w; its last words:\n%s", m.name, ctx.Err(), m.logSince(logged))
	}
}

// logSince returns what the log holds from the offset on, or the end of that.
func (m *member) logSince(offset int64) string {
	content, err := os.ReadFile(m.logFile())
	if err != nil || int64(len(content)) < offset {
		return fmt.Sprintf("(no log: %v)", err)
	}
	const enough = 4000
	content = content[offset:]
	return string(content[max(0, len(content)-enough):])
}

func (m *member) running() bool { return m.process != nil && m.process.running() }

func (m *member) kill() {
	if m.process != nil {
		m.process.kill()
	}
}

func (m *member) signal(t testing.TB, send func(*os.Process) error) {
	t.Helper()
	if !m.running() {
		t.Fatalf("etcd member %s does not run", m.name)
	}
	if err := send(m.process.cmd.Process); err != nil {
		t.Fatalf("cannot signal etcd member %s: %v", m.name, err)
	}
}

// freePorts returns n different TCP ports of the loopback address that nothing
// listens on. It looks below the range that kernels take for outgoing
// connections, so that none of those takes the port of a member while it is
// stopped.
func freePorts(n int) ([]int, error) {
	const first, last = 10000, 32000
	var ports []int
	var held []net.Listener
	defer func() {
		for _, listener := range held {
			_ = listener.Close()
		}
	}()
	for tries := 0; len(ports) < n; tries++ {
		if tries == 1000 {
			return nil, fmt.Errorf("no free port among a thousand between %d and %d of 127.0.0.1", first, last)
		}
		offset, err := rand.Int(rand.Reader, big.NewInt(last-first))
		if err != nil {
			return nil, err
		}
		port := first + int(offset.Int64())
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		// Held until all are found, so that none is given twice.
		held = append(held, listener)
		ports = append(ports, port)
	}
	return ports, nil
}
