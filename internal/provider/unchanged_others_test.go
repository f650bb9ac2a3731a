package provider_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// planned are the addresses of what a run plans to change.
func planned(o outcome) []string {
	var addresses []string
	for line := range strings.Lines(o.All) {
		if !strings.Contains(line, `"type":"planned_change"`) {
			continue
		}
		_, after, _ := strings.Cut(line, `"addr":"`)
		address, _, _ := strings.Cut(after, `","`)
		addresses = append(addresses, strings.ReplaceAll(address, `\"`, ""))
	}
	slices.Sort(addresses)
	return addresses
}

// Others write after the plan: what it changes is not written over, and what it does not
// change, for which it had short answers, stays theirs until a plan has shown it.
func TestUnchangedWhileOthersWrite(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	provider := guardedBy("off", etcd)
	db1, db2, db3 := hostEndpoint("db1"), hostEndpoint("db2"), hostEndpoint("db3")
	w := newWorkspace(t, provider, db1, db2, db3, failsafe)
	succeed(t, w, "apply")
	theirs := func(name, interfaceName string) string {
		t.Helper()
		ours := etcd.MustGet(t, endpointKeys+name).Value
		changed := strings.Replace(ours, `"interfaceName":"eth`, `"interfaceName":"`+interfaceName, 1)
		if changed == ours {
			t.Fatalf("no interface is in %s", ours)
		}
		etcd.Put(t, endpointKeys+name, changed)
		return changed
	}
	stored := func(name, want string) {
		t.Helper()
		if got := etcd.MustGet(t, endpointKeys+name).Value; got != want {
			t.Errorf("%s is stored as\n%s\nwant\n%s", name, got, want)
		}
	}

	// They change what the plan does not.
	rewrite(t, w, provider, strings.Replace(db1, "eth0", "eth1", 1), db2, db3, failsafe)
	log := filepath.Join(t.TempDir(), "log")
	env := w.Env
	w.Env = append(slices.Clone(env), "TF_LOG=JSON", "TF_LOG_PATH="+log)
	o := succeed(t, w, "plan", "-out=saved")
	w.Env = env
	if got := planned(o); !slices.Equal(got, []string{"calico_host_endpoint.db1"}) {
		t.Fatalf("%v are to be changed", got)
	}
	short := map[string]int{}
	for _, l := range readLog(t, log, "answered without the framework") {
		short[l.text("request")]++
	}
	if short["read"] != 4 || short["plan"] != 3 {
		t.Errorf("short answers: %v; want 4 reads and 3 plans", short)
	}
	changed := theirs("db2", "veth")
	succeed(t, w, "apply", "saved")
	stored("db2", changed)
	if got := etcd.MustGet(t, endpointKeys+"db1").Value; !strings.Contains(got, `"eth1"`) {
		t.Errorf("db1 is stored as %s", got)
	}

	// The next plan shows it. They change it once more before that plan is applied.
	if got := planned(succeed(t, w, "plan", "-out=saved")); !slices.Equal(got, []string{"calico_host_endpoint.db2"}) {
		t.Fatalf("%v are to be changed", got)
	}
	changed = strings.Replace(changed, `"veth`, `"bond`, 1)
	etcd.Put(t, endpointKeys+"db2", changed)
	fail(t, w, "apply", "saved").Says(t, `HostEndpoint "db2"`, "interfaceName")
	stored("db2", changed)
}

// watchedEtcd serves what the provider asks of etcd by asking etcd, as long as it is not cut
// off.
type watchedEtcd struct {
	net.Listener
	etcdserverpb.UnimplementedKVServer
	kv etcdserverpb.KVClient

	mu sync.Mutex
	// before is called before a page of a kind is asked for, and after when it is answered.
	before, after func(page int)
	pages         int
	off           bool
	conns         []net.Conn
}

func watchEtcd(t *testing.T, etcd *acctest.Etcd) (watched *watchedEtcd, provider string) {
	t.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(etcd.Endpoints[0], "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	w := &watchedEtcd{kv: etcdserverpb.NewKVClient(conn)}
	w.watch(func(int) {}, func(int) {})
	if w.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	etcdserverpb.RegisterKVServer(s, w)
	go func() { _ = s.Serve(w) }()
	t.Cleanup(s.Stop)
	return w, block(nested("lockout_guard", text("mode", "off")) + "\n" + unexposed + inEtcd(at("http://"+w.Addr().String())))
}

// Accept is that of a net.Listener. It ends connections at once while it is cut off, as a
// port does that nobody listens at.
func (w *watchedEtcd) Accept() (net.Conn, error) {
	for {
		conn, err := w.Listener.Accept()
		if err != nil {
			return nil, err
		}
		w.mu.Lock()
		off := w.off
		w.conns = append(w.conns, conn)
		w.mu.Unlock()
		if !off {
			return conn, nil
		}
		_ = conn.Close()
	}
}

// cut ends all connections, and takes no others until it is called with false.
func (w *watchedEtcd) cut(off bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.off = off
	for _, conn := range w.conns {
		_ = conn.Close()
	}
	w.conns = nil
}

func (w *watchedEtcd) Range(ctx context.Context, req *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	w.mu.Lock()
	w.pages++
	page, before, after := w.pages, w.before, w.after
	w.mu.Unlock()
	before(page)
	resp, err := w.kv.Range(ctx, req)
	after(page)
	return resp, err
}

func (w *watchedEtcd) Txn(ctx context.Context, req *etcdserverpb.TxnRequest) (*etcdserverpb.TxnResponse, error) {
	return w.kv.Txn(ctx, req)
}

// watch has functions called from now on, and counts pages anew.
func (w *watchedEtcd) watch(before, after func(page int)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before, w.after, w.pages = before, after, 0
}

// counted is how many pages were asked for.
func (w *watchedEtcd) counted() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pages
}

// manyEndpoints is a resource of so many host endpoints.
func manyEndpoints(n int) string {
	return fmt.Sprintf("\nresource \"calico_host_endpoint\" \"all\" {\n  count          = %d\n  name           = \"db${count.index}\"\n  node           = \"db${count.index}\"\n  interface_name = \"eth0\"\n}\n", n)
}

// etcd dies when some objects were read and all others are asked for, and comes back: what
// was not read has not changed, and is not gone.
func TestUnchangedWhileEtcdRestarts(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	watched, provider := watchEtcd(t, etcd)
	w := newWorkspace(t, manyEndpoints(300), provider)
	succeed(t, w, "apply")
	back := make(chan struct{})
	watched.watch(func(page int) {
		if page > 1 {
			return
		}
		etcd.Stop(t, 0)
		watched.cut(true)
		go func() {
			defer close(back)
			etcd.Start(t, 0)
			watched.cut(false)
		}()
	}, func(int) {})
	o := run(t, w, "plan")
	if watched.counted() == 0 {
		t.Fatal("no page was asked for")
	}
	<-back
	if got := planned(o); len(got) > 0 {
		t.Errorf("%d are to be changed", len(got))
	}
	if errs := o.Of("error"); o.Failed {
		if len(errs) != 1 {
			t.Fatalf("errors: %v", errs)
		}
		errs[0].Says(t, "etcd at http://"+watched.Addr().String())
	}
	t.Logf("failed %t, with %v", o.Failed, o.Diagnostics)
	noChanges(t, w)
	etcd.WantKeys(t, endpointKeys, endpointNames(300)...)
}

func endpointNames(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("db%d", i))
	}
	slices.Sort(names)
	return names
}

// The history is thrown away while a refresh reads a kind page by page: it reads it anew.
func TestUnchangedWhileHistoryIsCompacted(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	watched, provider := watchEtcd(t, etcd)
	const hosts, page = 12, 1000
	w := newWorkspace(t, manyEndpoints(hosts), provider)
	succeed(t, w, "apply")
	value := etcd.MustGet(t, endpointKeys+"db0").Value
	for i := 0; i < page; i += 100 { // etcd takes 128 operations in a transaction
		var puts []clientv3.Op
		for n := i; n < i+100; n++ {
			name := fmt.Sprintf("a%03d", n) // before those in the state
			puts = append(puts, clientv3.OpPut(endpointKeys+name, strings.Replace(value, `"name":"db0"`, `"name":"`+name+`"`, 1)))
		}
		if _, err := etcd.Client(t).Txn(t.Context()).Then(puts...).Commit(); err != nil {
			t.Fatal(err)
		}
	}
	watched.watch(func(int) {}, func(page int) {
		if page > 1 {
			return
		}
		revision := etcd.Put(t, endpointKeys+"a000", strings.Replace(value, `"name":"db0"`, `"name":"a000"`, 1))
		if _, err := etcd.Client(t).Compact(t.Context(), revision); err != nil {
			t.Error(err)
		}
	})
	noChanges(t, w)
	// The second page was of a revision that is gone; then come both once more.
	if n := watched.counted(); n != 4 {
		t.Errorf("%d pages were asked for, want 4", n)
	}
}
