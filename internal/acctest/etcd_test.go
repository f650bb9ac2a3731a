package acctest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestEtcdKeepsValuesAndLeavesNothingBehind(t *testing.T) {
	Starts(t)
	t.Parallel()
	etcd, err := StartEtcd(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(etcd.Close)
	process := etcd.members[0].process

	first := etcd.Put(t, "/calico/b", "1")
	second := etcd.Put(t, "/calico/b", "2")
	etcd.Put(t, "/calico/a", "3")
	etcd.Put(t, "/calicosomething", "not Calico's")
	if second != first+1 {
		t.Errorf("the second write has revision %d, want %d", second, first+1)
	}

	value, found := etcd.Get(t, "/calico/b")
	if want := (KeyValue{Key: "/calico/b", Value: "2", Revision: second, Version: 2}); !found || value != want {
		t.Errorf("Get returns %+v, %t, want %+v", value, found, want)
	}
	if _, found := etcd.Get(t, "/calico/"); found {
		t.Error("Get of a prefix finds a value")
	}
	if got, want := etcd.Keys(t, CalicoPrefix), []string{"/calico/a", "/calico/b"}; !slices.Equal(got, want) {
		t.Errorf("the keys are %q, want %q", got, want)
	}
	if !etcd.Delete(t, "/calico/a") || etcd.Delete(t, "/calico/a") {
		t.Error("Delete of a key does not tell whether it was there")
	}

	etcd.Close()
	if process.running() {
		t.Error("etcd runs on after Close")
	}
	if _, err := os.Stat(etcd.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data is still there after Close: %v", err)
	}
	etcd.Close()
}

func TestEtcdWithTLSWantsAClientCertificate(t *testing.T) {
	t.Parallel()
	etcd := NewEtcd(t, WithTLS())
	if !strings.HasPrefix(etcd.Endpoints[0], "https://127.0.0.1:") {
		t.Errorf("the endpoint is %s", etcd.Endpoints[0])
	}
	etcd.Put(t, "/calico/a", "1")

	ours, err := etcd.Certificates.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	without := ours.Clone()
	without.Certificates = nil
	strangers, err := NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := strangers.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	distrusting := ours.Clone()
	distrusting.RootCAs = stranger.RootCAs
	stranger.RootCAs = ours.RootCAs
	// It shows its certificate though the server does not name the authority.
	shown := stranger.Certificates[0]
	stranger.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &shown, nil }
	fromFiles, err := tls.LoadX509KeyPair(etcd.Certificates.CertFile, etcd.Certificates.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	filed := ours.Clone()
	filed.Certificates = []tls.Certificate{fromFiles}

	for name, test := range map[string]struct {
		config  *tls.Config
		refused string
	}{
		"the certificate":                    {config: ours},
		"the certificate, from its files":    {config: filed},
		"no certificate":                     {config: without, refused: "remote error: tls: certificate required"},
		"a certificate of another authority": {config: stranger, refused: "remote error: tls: unknown certificate authority"},
		"trust in another authority only":    {config: distrusting, refused: "certificate signed by unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := greeting(t.Context(), strings.TrimPrefix(etcd.Endpoints[0], "https://"), test.config)
			switch {
			case test.refused == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.refused != "" && (err == nil || !strings.Contains(err.Error(), test.refused)):
				t.Errorf("answered with %v, want %q", err, test.refused)
			}
		})
	}
}

// greeting connects and waits for the server's first byte. The handshake alone
// does not tell: with TLS 1.3 a server refuses the client's certificate after it.
func greeting(ctx context.Context, address string, config *tls.Config) error {
	config.NextProtos = []string{"h2"}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}

func TestEtcdWithAuthKnowsItsUsers(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]EtcdOption{
		"plain": {WithAuth(), WithCalico("v3.31.0")},
		"TLS":   {WithAuth(), WithTLS(), WithCalico("v3.31.0")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := NewEtcd(t, options...)
			for _, test := range []struct {
				who         string
				user        User
				read, write error
			}{
				{who: "root", user: etcd.Root},
				{who: "the writer", user: etcd.Writer},
				{who: "the reader", user: etcd.Reader, write: rpctypes.ErrPermissionDenied},
			} {
				client, err := etcd.Connect(t.Context(), test.user)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = client.Close() })
				if _, err := client.Get(t.Context(), "/calico/a"); !errors.Is(err, test.read) {
					t.Errorf("%s reads: %v, want %v", test.who, err, test.read)
				}
				if _, err := client.Put(t.Context(), "/calico/a", "1"); !errors.Is(err, test.write) {
					t.Errorf("%s writes: %v, want %v", test.who, err, test.write)
				}
				if _, err := client.Put(t.Context(), "/elsewhere", "1"); test.user != etcd.Root && !errors.Is(err, rpctypes.ErrPermissionDenied) {
					t.Errorf("%s writes outside of Calico's keys: %v", test.who, err)
				}
			}

			if _, err := etcd.Connect(t.Context(), User{Name: etcd.Writer.Name, Password: "wrong"}); !errors.Is(err, rpctypes.ErrAuthFailed) {
				t.Errorf("a wrong password: %v", err)
			}
		})
	}
}

func TestEtcdMembersStopAndStart(t *testing.T) {
	t.Parallel()
	etcd := NewEtcd(t, WithMembers(3))
	if len(etcd.Endpoints) != 3 || len(etcd.Pids()) != 3 {
		t.Fatalf("%d endpoints, %d processes, want 3 of each", len(etcd.Endpoints), len(etcd.Pids()))
	}
	etcd.Put(t, "/calico/a", "1")

	leader := etcd.Leader(t)
	etcd.Stop(t, leader)
	if n := len(etcd.Pids()); n != 2 {
		t.Errorf("%d members run after one was stopped", n)
	}
	etcd.Put(t, "/calico/a", "2")
	if next := etcd.Leader(t); next == leader {
		t.Errorf("member %d still leads, although it does not run", leader)
	}

	// Without most of the members, nothing is served.
	other := (leader + 1) % 3
	etcd.Stop(t, other)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := etcd.Client(t).Get(ctx, "/calico/a"); err == nil {
		t.Error("one of three members serves")
	}

	etcd.Start(t, leader, other)
	if value := etcd.MustGet(t, "/calico/a"); value.Value != "2" || value.Version != 2 {
		t.Errorf("after all members are back, the key is %+v", value)
	}
}

// TestEtcdEndsWithTheProcess kills a process that has started an etcd, as an
// impatient user or a test's timeout does.
func TestEtcdEndsWithTheProcess(t *testing.T) {
	Starts(t)
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ties a child's life to its parent's")
	}
	const childsRole = "ACCTEST_START_ETCD_AND_WAIT"
	if os.Getenv(childsRole) != "" {
		etcd, err := StartEtcd(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("etcd", etcd.Endpoints[0])
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	t.Parallel()

	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEtcdEndsWithTheProcess$")
	child.Env = append(os.Environ(), childsRole+"=1", "TMPDIR="+t.TempDir()) // killed, it cannot clean up
	if _, err := child.StdinPipe(); err != nil {                             // open for as long as we do not close it
		t.Fatal(err)
	}
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var endpoint string
	if _, err := fmt.Fscanf(output, "etcd %s\n", &endpoint); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })

	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	// The connection ends when etcd does.
	if err := conn.SetReadDeadline(time.Now().Add(callTimeout)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("etcd runs on after the process that started it was killed")
	}
}

// TestEtcdTellsATakenPort shows that the one failure of a start that is worth
// another try is told from others.
func TestEtcdTellsATakenPort(t *testing.T) {
	Starts(t)
	t.Parallel()
	program, err := Tool("etcd")
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range []func(*member) string{
		func(m *member) string { return m.client },
		func(m *member) string { return m.peer },
		func(m *member) string { return m.metrics },
	} {
		e := &Etcd{options: etcdOptions{members: 1}, dir: t.TempDir()}
		if err := e.layOut(program); err != nil {
			t.Fatal(err)
		}
		taken, err := net.Listen("tcp", strings.TrimPrefix(port(e.members[0]), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.startMembers(t.Context()); !errors.Is(err, errPortTaken) {
			t.Errorf("with %s taken: %v", taken.Addr(), err)
		}
		if n := len(e.Pids()); n != 0 {
			t.Errorf("%d processes are left", n)
		}
		_ = taken.Close()
	}

	e := &Etcd{options: etcdOptions{members: 1}, dir: t.TempDir()}
	if err := e.layOut(program); err != nil {
		t.Fatal(err)
	}
	e.members[0].args = append(e.members[0].args, "--no-such-flag")
	if err := e.startMembers(t.Context()); err == nil || errors.Is(err, errPortTaken) || !strings.Contains(err.Error(), "no-such-flag") {
		t.Errorf("with a wrong flag: %v", err)
	}
}

func TestEtcdPaused(t *testing.T) {
	t.Parallel()
	etcd := NewEtcd(t)
	etcd.Put(t, "/calico/a", "1")
	etcd.Pause(t, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := etcd.Client(t).Get(ctx, "/calico/a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a paused member answers %v", err)
	}
	etcd.Resume(t, 0)
	etcd.MustGet(t, "/calico/a")
}

func TestEtcdCallsAreExact(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]EtcdOption{
		"one member":                nil,
		"three members":             {WithMembers(3)},
		"one member behind TLS":     {WithTLS()},
		"one member with passwords": {WithAuth()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := NewEtcd(t, options...)
			client := etcd.Client(t)
			if calls := etcd.CallsDuring(t, func() {}); len(calls) != 0 {
				t.Errorf("counting makes calls itself: %v", calls)
			}
			const puts, gets, txns = 17, 5, 3
			calls := etcd.CallsDuring(t, func() {
				for range puts {
					etcd.Put(t, "/calico/a", "1")
				}
				for range gets {
					etcd.Get(t, "/calico/a")
				}
				for range txns {
					_, err := client.Txn(t.Context()).
						If(clientv3.Compare(clientv3.Version("/calico/b"), "=", 0)).
						Then(clientv3.OpPut("/calico/b", "1")).
						Else(clientv3.OpGet("/calico/b")).
						Commit()
					if err != nil {
						t.Fatal(err)
					}
				}
				etcd.Delete(t, "/calico/b")
			})
			want := map[string]int{"Put": puts, "Range": gets, "Txn": txns, "DeleteRange": 1}
			if diff := cmp.Diff(want, calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseCalls(t *testing.T) {
	t.Parallel()
	calls := make(map[string]int)
	err := parseCalls(strings.NewReader(strings.Join([]string{
		`# HELP grpc_server_started_total Total number of RPCs started on the server.`,
		`grpc_server_started_total{grpc_method="Txn",grpc_service="etcdserverpb.KV",grpc_type="unary"} 1.000001e+06`,
		`grpc_server_started_total{grpc_method="Range",grpc_service="etcdserverpb.KV",grpc_type="unary"} 0`,
		`grpc_server_started_total{grpc_method="Check",grpc_service="grpc.health.v1.Health",grpc_type="unary"} 4`,
		`grpc_server_handled_total{grpc_code="OK",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"} 9`,
	}, "\n")), calls)
	if diff := cmp.Diff(map[string]int{"Txn": 1000001}, calls); err != nil || diff != "" {
		t.Errorf("error %v, calls (-want +got):\n%s", err, diff)
	}
	if err := parseCalls(strings.NewReader("something_else 1\n"), calls); err == nil {
		t.Error("metrics without the counters are taken for no calls")
	}
}

func TestPrepareCalico(t *testing.T) {
	t.Parallel()
	etcd := NewEtcd(t)
	const info = ResourcePrefix + "clusterinformations/default"
	const own = `{"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},"spec":{}}`
	etcd.Put(t, info, own)
	if err := etcd.PrepareCalico(t.Context(), "v3.31.0"); err != nil {
		t.Fatal(err)
	}
	if got := etcd.MustGet(t, info).Value; got != own {
		t.Errorf("what was there is overwritten:\n%s", got)
	}
	etcd.Delete(t, info)
	if err := etcd.PrepareCalico(t.Context(), "v3.31.0"); err != nil {
		t.Fatal(err)
	}
	var stored struct {
		Metadata storedMetadata
		Spec     clusterInformationSpec
	}
	if err := json.Unmarshal([]byte(etcd.MustGet(t, info).Value), &stored); err != nil {
		t.Fatal(err)
	}
	if len(stored.Spec.ClusterGUID) != 32 || stored.Spec.CalicoVersion != "v3.31.0" || !stored.Spec.DatastoreReady {
		t.Errorf("the ClusterInformation is %+v", stored)
	}
	if _, err := time.Parse(time.RFC3339, stored.Metadata.CreationTimestamp); err != nil || len(stored.Metadata.UID) != 36 {
		t.Errorf("its metadata is %+v", stored.Metadata)
	}
}

func TestCalicoObjects(t *testing.T) {
	t.Parallel()
	const info = "clusterinformations/default"
	for version, want := range map[string][]string{
		"v3.28.5":              {info},
		"v3.29.3":              {info, "tiers/adminnetworkpolicy", "tiers/default"},
		"v3.30.0":              {info, "tiers/adminnetworkpolicy", "tiers/baselineadminnetworkpolicy", "tiers/default"},
		"v3.31.7":              {info, "tiers/adminnetworkpolicy", "tiers/baselineadminnetworkpolicy", "tiers/default"},
		"v3.32.0-12-g0123abcd": {info, "tiers/default", "tiers/kube-admin", "tiers/kube-baseline"},
	} {
		objects, err := calicoObjects(version)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for key, value := range objects {
			keys = append(keys, strings.TrimPrefix(key, ResourcePrefix))
			if strings.Contains(key, "/tiers/") && strings.Contains(value, `"status":{}`) != strings.HasPrefix(version, "v3.32") {
				t.Errorf("%s: %s", version, value)
			}
		}
		slices.Sort(keys)
		if !slices.Equal(keys, want) {
			t.Errorf("%s has %q, want %q", version, keys, want)
		}
	}
	for _, version := range []string{"", "3.31.0", "v3.31", "v2.6.0", "master"} {
		if _, err := calicoObjects(version); err == nil {
			t.Errorf("%q is taken for a release", version)
		}
	}
}
