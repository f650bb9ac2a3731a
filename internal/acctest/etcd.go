package acctest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// startTimeout is how long a server may take until it serves. It takes less
	// than a second; the rest is for a machine that is busy with other tests.
	startTimeout = time.Minute
	// callTimeout bounds each call of the helpers.
	callTimeout = 30 * time.Second
)

// Etcd is a real etcd of one or more members, each a process of its own on the
// loopback address.
type Etcd struct {
	// Endpoints are the client URLs, one for each member in order.
	Endpoints []string
	// Certificates is nil without WithTLS.
	Certificates *Certificates
	// Root may do everything, Writer may read and write Calico's keys, Reader
	// may only read them. They are empty without WithAuth.
	Root, Writer, Reader User

	options etcdOptions
	dir     string
	members []*member

	mu    sync.Mutex
	admin *clientv3.Client
}

// User is a user of etcd.
type User struct {
	Name, Password string
}

type etcdOptions struct {
	members int
	tls     bool
	auth    bool
	calico  string
	outlive bool
}

// EtcdOption is an option of NewEtcd and StartEtcd.
type EtcdOption func(*etcdOptions)

// WithTLS serves TLS only, and only to clients that show a certificate of the
// server's authority.
func WithTLS() EtcdOption { return func(o *etcdOptions) { o.tls = true } }

// WithAuth switches on etcd's authentication, with the users Root, Writer and
// Reader.
func WithAuth() EtcdOption { return func(o *etcdOptions) { o.auth = true } }

// WithMembers starts a cluster of n members.
func WithMembers(n int) EtcdOption { return func(o *etcdOptions) { o.members = n } }

// WithCalico prepares the datastore as PrepareCalico does.
func WithCalico(version string) EtcdOption { return func(o *etcdOptions) { o.calico = version } }

// WithOutliving lets the servers go on when this process ends without Close,
// which otherwise takes them along.
func WithOutliving() EtcdOption { return func(o *etcdOptions) { o.outlive = true } }

// NewEtcd starts an etcd for the time of a test. It is empty; its data is gone
// when the test ends.
func NewEtcd(t testing.TB, options ...EtcdOption) *Etcd {
	t.Helper()
	Starts(t)
	e, err := StartEtcd(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// StartEtcd starts an etcd and returns when it serves. The caller ends it with
// Close.
func StartEtcd(ctx context.Context, options ...EtcdOption) (*Etcd, error) {
	program, err := Tool("etcd")
	if err != nil {
		return nil, err
	}
	e := &Etcd{options: etcdOptions{members: 1}}
	for _, option := range options {
		option(&e.options)
	}
	if e.dir, err = os.MkdirTemp("", "calico-etcd-"); err != nil {
		return nil, err
	}
	if err := e.start(ctx, program); err != nil {
		e.Close()
		return nil, fmt.Errorf("cannot start etcd: %w", err)
	}
	return e, nil
}

func (e *Etcd) start(ctx context.Context, program string) error {
	if e.options.tls {
		certificates, err := NewCertificates(e.dir)
		if err != nil {
			return err
		}
		e.Certificates = certificates
	}
	// Between choosing a free port and listening on it, another process may take
	// it, such as another test package's etcd. Then everything is begun anew.
	const tries = 10
	for try := 1; ; try++ {
		if err := e.layOut(program); err != nil {
			return err
		}
		err := e.startMembers(ctx)
		if err == nil {
			break
		}
		if !errors.Is(err, errPortTaken) || try == tries {
			return err
		}
		e.killMembers()
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if e.options.auth {
		if err := e.enableAuth(ctx); err != nil {
			return fmt.Errorf("switching on authentication: %w", err)
		}
	}
	if e.options.calico != "" {
		return e.PrepareCalico(ctx, e.options.calico)
	}
	return nil
}

// layOut gives every member a fresh data directory and free ports.
func (e *Etcd) layOut(program string) error {
	const portsEach = 3
	ports, err := freePorts(portsEach * e.options.members)
	if err != nil {
		return err
	}
	scheme := "http"
	if e.options.tls {
		scheme = "https"
	}
	e.members, e.Endpoints = nil, nil
	var cluster []string
	for i := range e.options.members {
		m := &member{
			name:    "m" + strconv.Itoa(i+1),
			program: program,
			client:  fmt.Sprintf("%s://127.0.0.1:%d", scheme, ports[portsEach*i]),
			peer:    fmt.Sprintf("http://127.0.0.1:%d", ports[portsEach*i+1]),
			metrics: fmt.Sprintf("http://127.0.0.1:%d", ports[portsEach*i+2]),
			outlive: e.options.outlive,
		}
		if m.dir, err = os.MkdirTemp(e.dir, m.name+"-"); err != nil {
			return err
		}
		e.members = append(e.members, m)
		e.Endpoints = append(e.Endpoints, m.client)
		cluster = append(cluster, m.name+"="+m.peer)
	}
	for _, m := range e.members {
		m.args = []string{
			"--name=" + m.name,
			"--data-dir=" + filepath.Join(m.dir, "data"),
			"--listen-client-urls=" + m.client,
			"--advertise-client-urls=" + m.client,
			"--listen-peer-urls=" + m.peer,
			"--initial-advertise-peer-urls=" + m.peer,
			"--initial-cluster=" + strings.Join(cluster, ","),
			"--initial-cluster-state=new",
			// Plain HTTP beside the client URL, so that Calls need no certificate.
			"--listen-metrics-urls=" + m.metrics,
			// A REST gateway of its own would call etcd as a client, with the
			// server's certificate; nothing here needs it.
			"--enable-grpc-gateway=false",
			// The data need not survive the machine, and passwords need not be slow
			// to check.
			"--unsafe-no-fsync=true",
			"--bcrypt-cost=4",
		}
		if e.options.tls {
			m.args = append(m.args,
				"--cert-file="+e.Certificates.ServerCertFile,
				"--key-file="+e.Certificates.ServerKeyFile,
				"--trusted-ca-file="+e.Certificates.CAFile,
				"--client-cert-auth=true",
			)
		}
	}
	return nil
}

// startMembers starts those members that do not run, all at once: in a cluster
// none serves before most of them are there.
func (e *Etcd) startMembers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	errs := make(chan error, len(e.members))
	for _, m := range e.members {
		go func() { errs <- m.start(ctx) }()
	}
	var err error
	for range e.members {
		if failed := <-errs; failed != nil && err == nil {
			// The others wait for the one that failed: end that. Their own errors
			// would only say so.
			err = failed
			cancel()
		}
	}
	return err
}

func (e *Etcd) killMembers() {
	for _, m := range e.members {
		m.kill()
	}
}

// Close ends all members and removes their data. It may be called twice.
func (e *Etcd) Close() {
	e.mu.Lock()
	admin := e.admin
	e.admin = nil
	e.mu.Unlock()
	if admin != nil {
		_ = admin.Close()
	}
	e.killMembers()
	_ = os.RemoveAll(e.dir)
}

// Stop ends the member at once, as a crash would, and returns when its process
// is gone. Members are counted from 0, as Endpoints is.
func (e *Etcd) Stop(t testing.TB, i int) {
	t.Helper()
	e.members[i].kill()
}

// Start starts the given members again, with the data and at the addresses that
// they had, and returns when they serve. That needs most of the cluster's
// members to run; so where most are stopped, start them in one call.
func (e *Etcd) Start(t testing.TB, members ...int) {
	t.Helper()
	some := &Etcd{}
	for _, i := range members {
		some.members = append(some.members, e.members[i])
	}
	if err := some.startMembers(t.Context()); err != nil {
		t.Fatalf("cannot start etcd again: %v", err)
	}
}

// Pause makes the member hang: it still takes connections, and answers nothing.
func (e *Etcd) Pause(t testing.TB, i int) {
	t.Helper()
	e.members[i].signal(t, pause)
}

// Resume ends Pause.
func (e *Etcd) Resume(t testing.TB, i int) {
	t.Helper()
	e.members[i].signal(t, resume)
}

// Leader returns the index of the member that leads the cluster.
func (e *Etcd) Leader(t testing.TB) int {
	t.Helper()
	client := e.Client(t)
	leader := -1
	err := retry(t.Context(), func(ctx context.Context) error {
		for i, m := range e.members {
			if !m.running() {
				continue
			}
			status, err := client.Status(ctx, m.client)
			if err != nil {
				return err
			}
			if status.Leader == status.Header.MemberId {
				leader = i
				return nil
			}
		}
		return errNoLeader
	})
	if err != nil {
		t.Fatalf("cannot tell the leader of etcd: %v", err)
	}
	return leader
}

// Pids returns the process IDs of the members that run.
func (e *Etcd) Pids() []int {
	var pids []int
	for _, m := range e.members {
		if m.running() {
			pids = append(pids, m.process.cmd.Process.Pid)
		}
	}
	return pids
}

// Dir returns the directory of the members' data and logs.
func (e *Etcd) Dir() string { return e.dir }

// Log returns what the members have written to their logs, for a test that
// wants to tell why it failed.
func (e *Etcd) Log() string {
	var all strings.Builder
	for _, m := range e.members {
		content, _ := os.ReadFile(m.logFile())
		fmt.Fprintf(&all, "--- %s at %s\n%s", m.name, m.client, content)
	}
	return all.String()
}
