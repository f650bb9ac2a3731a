package etcdv3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	const (
		unavailable = -1
		passedOn    = -2
	)
	cfg := Config{Endpoints: []string{"https://a:1", "https://b:2"}, Username: "ann", Password: "hunter2"}
	for name, test := range map[string]struct {
		err  error
		want datastore.DeniedReason
	}{
		"permission":              {rpctypes.ErrPermissionDenied, datastore.DeniedPermission},
		"permission, from gRPC":   {rpctypes.ErrGRPCPermissionDenied, datastore.DeniedPermission},
		"permission, of a proxy":  {status.Error(codes.PermissionDenied, "no"), datastore.DeniedPermission},
		"wrong password":          {rpctypes.ErrAuthFailed, datastore.DeniedCredentials},
		"no user":                 {rpctypes.ErrUserEmpty, datastore.DeniedCredentials},
		"unknown user":            {rpctypes.ErrUserNotFound, datastore.DeniedCredentials},
		"invalid token":           {rpctypes.ErrInvalidAuthToken, datastore.DeniedCredentials},
		"credentials, of a proxy": {status.Error(codes.Unauthenticated, "who?"), datastore.DeniedCredentials},
		"certificate": {
			status.Error(codes.Unavailable, `connection error: desc = "transport: authentication handshake failed: x509: certificate signed by unknown authority"`),
			datastore.DeniedTLS,
		},
		"certificate, too late": {
			status.Error(codes.DeadlineExceeded, `latest balancer error: last connection error: connection error: desc = "error reading server preface: remote error: tls: certificate required"`),
			datastore.DeniedTLS,
		},
		"certificate, while connecting": {&notConnectedError{"authentication handshake failed: x509: certificate has expired"}, datastore.DeniedTLS},

		"deadline":              {context.DeadlineExceeded, unavailable},
		"deadline of the call":  {status.Error(codes.DeadlineExceeded, "context deadline exceeded"), unavailable},
		"canceled":              {context.Canceled, unavailable},
		"refused":               {status.Error(codes.Unavailable, `connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:1: connect: connection refused"`), unavailable},
		"broken off":            {status.Error(codes.Internal, "stream terminated by RST_STREAM"), unavailable},
		"no connection":         {&notConnectedError{"last connection error: refused"}, unavailable},
		"no leader":             {rpctypes.ErrNoLeader, unavailable},
		"leader changed":        {rpctypes.ErrLeaderChanged, unavailable},
		"not the leader":        {rpctypes.ErrNotLeader, unavailable},
		"server stopped":        {rpctypes.ErrStopped, unavailable},
		"timeout in etcd":       {rpctypes.ErrTimeout, unavailable},
		"timeout of applying":   {rpctypes.ErrGRPCTimeoutWaitAppliedIndex, unavailable},
		"a learner":             {rpctypes.ErrGRPCNotSupportedForLearner, unavailable},
		"too many requests":     {rpctypes.ErrTooManyRequests, unavailable},
		"changed users":         {rpctypes.ErrAuthOldRevision, unavailable},
		"database full":         {rpctypes.ErrNoSpace, passedOn},
		"too large":             {rpctypes.ErrRequestTooLarge, passedOn},
		"compacted":             {rpctypes.ErrCompacted, passedOn},
		"corrupt":               {rpctypes.ErrCorrupt, passedOn},
		"too large for gRPC":    {status.Error(codes.ResourceExhausted, "grpc: received message larger than max"), passedOn},
		"another server":        {status.Error(codes.Unimplemented, "unknown service etcdserverpb.KV"), passedOn},
		"an error of something": {errors.New("something"), passedOn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := translate(test.err, "/calico/a", cfg)
			checkSecrets(t, cfg, err)
			if !errors.Is(err, test.err) || !strings.Contains(err.Error(), test.err.Error()) {
				t.Errorf("%v does not hold %v", err, test.err)
			}
			if test.want == passedOn {
				if isTranslated(err) || !strings.Contains(err.Error(), "/calico/a") {
					t.Errorf("it becomes %T: %v", err, err)
				}
				return
			}
			checkFailure(t, cfg, err, test.want, "https://a:1, https://b:2")
			var denied *datastore.DeniedError
			if errors.As(err, &denied) && denied.Reason == datastore.DeniedPermission && !strings.Contains(denied.Advice, "/calico/a") {
				t.Errorf("the key is not told: %s", denied.Advice)
			}
			if again := translate(fmt.Errorf("wrapped: %w", err), "/calico/b", Config{}); !errors.Is(again, err) {
				t.Errorf("translated again it becomes %v", again)
			}
		})
	}
	if err := translate(nil, "/calico/a", cfg); err != nil {
		t.Errorf("no error becomes %v", err)
	}
	if err := translate(rpctypes.ErrCorrupt, "", cfg); err == nil || strings.Contains(err.Error(), " : ") {
		t.Errorf("without a key: %v", err)
	}
}

// TestNoSpace writes to a real server whose database is said to be full.
func TestNoSpace(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	store := storeOf(t, etcd)
	there := mustCreate(t, store, endpoint("there"))
	fill := func() {
		_, err := etcdserverpb.NewMaintenanceClient(etcd.Client(t).ActiveConnection()).Alarm(t.Context(),
			&etcdserverpb.AlarmRequest{Action: etcdserverpb.AlarmRequest_ACTIVATE, Alarm: etcdserverpb.AlarmType_NOSPACE})
		if err != nil {
			t.Fatal(err)
		}
	}
	fill()
	_, err := store.Create(t.Context(), endpoint("new"))
	if err == nil {
		t.Fatal("a full database takes a new object")
	}
	for _, says := range []string{endpoints + "new", "etcdctl compact", "etcdctl defrag", "etcdctl alarm disarm", "--quota-backend-bytes", "database space exceeded"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q is missing in %v", says, err)
		}
	}
	// To delete needs no room.
	mustDelete(t, store, there)
	checkKeys(t, etcd, endpoints)

	// A request that hangs cannot be withdrawn then: that is told, and it is not sent
	// again.
	if _, err := etcd.Client(t).AlarmDisarm(t.Context(), &clientv3.AlarmMember{}); err != nil {
		t.Fatal(err)
	}
	late := newLateEtcd(t, etcd)
	behind := openStore(t, Config{Endpoints: []string{late.endpoint}, RequestTimeout: DefaultRequestTimeout / 2}, Options{})
	detect(t, behind)
	late.hold(1)
	late.set(func() { late.holding = fill })
	_, err = behind.Create(t.Context(), endpoint("new"))
	unavailable := asError[*datastore.UnavailableError](t, err)
	if !unavailable.Unknown || !strings.Contains(err.Error(), "etcdctl alarm disarm") {
		t.Errorf("unknown is %t, %v", unavailable.Unknown, err)
	}
}

// TestRefusedRequests asks a real server for what it does not grant.
func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithAuth())
	for name, test := range map[string]struct {
		user acctest.User
		want datastore.DeniedReason
	}{
		"nobody": {acctest.User{}, datastore.DeniedCredentials},
		"reader": {etcd.Reader, datastore.DeniedPermission},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := configOf(etcd, test.user)
			client, err := Connect(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close() })
			begin := time.Now()
			_, err = client.Put(t.Context(), "/calico/a", "1")
			if took := time.Since(begin); took > soon {
				t.Errorf("it took %v", took)
			}
			checkFailure(t, cfg, translate(err, "/calico/a", cfg), test.want)
		})
	}
}

// TestExplain loses servers that were connected to: what the client says then is
// that time is up.
func TestExplain(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithMembers(2))
	cfg := configOf(etcd, acctest.User{}).with(func(c *Config) { c.RequestTimeout = 5 * time.Second })
	conn, err := Acquire(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Release() })
	store := &Store{conn: conn, cfg: cfg}

	fail := func() (context.Context, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := conn.Client().Get(ctx, "/calico/a")
		if err == nil {
			t.Fatal("a server without most members answers")
		}
		<-ctx.Done()
		return ctx, translate(err, "/calico/a", cfg)
	}

	etcd.Stop(t, 0)
	ctx, err := fail()
	if got := store.explain(ctx, err); !errors.Is(got, err) {
		t.Errorf("one member can be connected to, but the explanation is: %v", got)
	}

	etcd.Stop(t, 1)
	ctx, err = fail()
	begin := time.Now()
	got := store.explain(ctx, err)
	if took := time.Since(begin); took > soon {
		t.Errorf("it took %v", took)
	}
	checkFailure(t, cfg, got, -1, cfg.Endpoints[0]+": connection refused", cfg.Endpoints[1]+": connection refused")

	var unavailable *datastore.UnavailableError
	if errors.As(err, &unavailable) {
		unavailable.Unknown = true
	}
	if got := store.explain(ctx, err); !errors.As(got, &unavailable) || !unavailable.Unknown {
		t.Errorf("it is forgotten that the outcome is not known: %v", got)
	}

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if got := store.explain(canceled, err); !errors.Is(got, err) {
		t.Errorf("what was canceled is explained: %v", got)
	}
	denied := &datastore.DeniedError{Reason: datastore.DeniedPermission, Err: rpctypes.ErrPermissionDenied}
	if got := store.explain(ctx, denied); !errors.Is(got, denied) {
		t.Errorf("what needs no explanation becomes %v", got)
	}
}

func TestExplainIsBounded(t *testing.T) {
	t.Parallel()
	address := listen(t).Addr().String()
	cfg := Config{Endpoints: []string{"http://" + address}, RequestTimeout: 2 * time.Second}
	begin := time.Now()
	err := explain(t.Context(), &datastore.UnavailableError{Server: cfg.String(), Err: context.DeadlineExceeded}, cfg)
	if took := time.Since(begin); took > diagnosisTimeout {
		t.Errorf("it took %v, want a tenth of the request timeout", took)
	}
	checkFailure(t, cfg, err, -1, "does not answer")
}

func TestReachability(t *testing.T) {
	t.Parallel()
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, test := range []struct {
		err  error
		says string
	}{
		{dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), "connection refused"},
		{dial(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), "no route to host"},
		{dial(os.NewSyscallError("connect", syscall.ETIMEDOUT)), "firewall"},
		{dial(context.DeadlineExceeded), "firewall"},
		{dial(&net.DNSError{Err: "no such host", Name: "etcd.example.com", IsNotFound: true}), `"etcd.example.com" cannot be resolved`},
		{errors.New("something else"), "something else"},
	} {
		if got := reachability(test.err); !strings.Contains(got.Error(), test.says) || !errors.Is(got, test.err) {
			t.Errorf("%v becomes %q, want it to say %q", test.err, got, test.says)
		}
	}
}
