package acctest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// CalicoPrefix is what every key of Calico begins with.
const CalicoPrefix = "/calico/"

// KeyValue is a stored value as it is, with what etcd knows about its key.
type KeyValue struct {
	Key, Value string
	// Revision is that of the last write of the key, Version how many writes
	// there were since it was created.
	Revision, Version int64
}

// Connect returns a new client that is the given user, or nobody where the user
// is empty. The caller closes it.
func (e *Etcd) Connect(ctx context.Context, user User) (*clientv3.Client, error) {
	var config *tls.Config
	if e.Certificates != nil {
		var err error
		if config, err = e.Certificates.ClientConfig(); err != nil {
			return nil, err
		}
	}
	client, err := clientv3.New(clientv3.Config{
		Context:     ctx,
		Endpoints:   e.Endpoints,
		DialTimeout: callTimeout,
		TLS:         config,
		Username:    user.Name,
		Password:    user.Password,
		// What goes wrong is in the error; by itself the client writes it to
		// standard error too, at each try.
		Logger: zap.NewNop(),
	})
	if err != nil {
		return nil, fmt.Errorf("cannot connect to etcd at %s: %w", strings.Join(e.Endpoints, ", "), err)
	}
	return client, nil
}

// administrator returns the client that the helpers share, which may do
// everything.
func (e *Etcd) administrator() (*clientv3.Client, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.admin == nil {
		client, err := e.Connect(context.Background(), e.Root)
		if err != nil {
			return nil, err
		}
		e.admin = client
	}
	return e.admin, nil
}

// Client returns a client that may do everything. All helpers share it; do not
// close it.
func (e *Etcd) Client(t testing.TB) *clientv3.Client {
	t.Helper()
	client, err := e.administrator()
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Put writes a value and returns the revision of that.
func (e *Etcd) Put(t testing.TB, key, value string) int64 {
	t.Helper()
	revision, err := e.Write(t.Context(), key, value)
	if err != nil {
		t.Fatalf("cannot put %s: %v", key, err)
	}
	return revision
}

// Write is Put for a main program.
func (e *Etcd) Write(ctx context.Context, key, value string) (revision int64, err error) {
	err = e.call(ctx, func(ctx context.Context, client *clientv3.Client) error {
		answer, err := client.Put(ctx, key, value)
		if err == nil {
			revision = answer.Header.Revision
		}
		return err
	})
	return revision, err
}

// Get reads the value of a key; found is false where there is none.
func (e *Etcd) Get(t testing.TB, key string) (value KeyValue, found bool) {
	t.Helper()
	values, err := e.read(t.Context(), key)
	if err != nil {
		t.Fatalf("cannot get %s: %v", key, err)
	}
	if len(values) == 0 {
		return KeyValue{}, false
	}
	return values[0], true
}

// MustGet is Get of a key that has to be there.
func (e *Etcd) MustGet(t testing.TB, key string) KeyValue {
	t.Helper()
	value, found := e.Get(t, key)
	if !found {
		t.Fatalf("there is no key %s; there are:\n%s", key, strings.Join(e.Keys(t, CalicoPrefix), "\n"))
	}
	return value
}

// Prefix reads all keys that begin with the prefix, in order.
func (e *Etcd) Prefix(t testing.TB, prefix string) []KeyValue {
	t.Helper()
	values, err := e.read(t.Context(), prefix, clientv3.WithPrefix())
	if err != nil {
		t.Fatalf("cannot get what begins with %s: %v", prefix, err)
	}
	return values
}

// Keys is Prefix without the values.
func (e *Etcd) Keys(t testing.TB, prefix string) []string {
	t.Helper()
	var keys []string
	for _, value := range e.Prefix(t, prefix) {
		keys = append(keys, value.Key)
	}
	return keys
}

// WantKeys holds that these are the keys with the prefix, given without it.
func (e *Etcd) WantKeys(t testing.TB, prefix string, want ...string) {
	t.Helper()
	var got []string
	for _, key := range e.Keys(t, prefix) {
		got = append(got, strings.TrimPrefix(key, prefix))
	}
	if !slices.Equal(got, want) {
		t.Errorf("there are the keys %q below %s, want %q", got, prefix, want)
	}
}

// Delete removes a key and tells whether it was there.
func (e *Etcd) Delete(t testing.TB, key string) (existed bool) {
	t.Helper()
	err := e.call(t.Context(), func(ctx context.Context, client *clientv3.Client) error {
		answer, err := client.Delete(ctx, key)
		if err == nil {
			existed = answer.Deleted > 0
		}
		return err
	})
	if err != nil {
		t.Fatalf("cannot delete %s: %v", key, err)
	}
	return existed
}

// Read is Prefix for a main program.
func (e *Etcd) Read(ctx context.Context, prefix string) ([]KeyValue, error) {
	return e.read(ctx, prefix, clientv3.WithPrefix())
}

func (e *Etcd) read(ctx context.Context, key string, options ...clientv3.OpOption) ([]KeyValue, error) {
	var values []KeyValue
	err := e.call(ctx, func(ctx context.Context, client *clientv3.Client) error {
		answer, err := client.Get(ctx, key, options...)
		if err != nil {
			return err
		}
		values = nil
		for _, kv := range answer.Kvs {
			values = append(values, KeyValue{
				Key:      string(kv.Key),
				Value:    string(kv.Value),
				Revision: kv.ModRevision,
				Version:  kv.Version,
			})
		}
		return nil
	})
	return values, err
}

// call does something as the administrator, again where a member or the leader
// is just gone: a test that stops a member still wants its helpers to work.
func (e *Etcd) call(ctx context.Context, do func(context.Context, *clientv3.Client) error) error {
	client, err := e.administrator()
	if err != nil {
		return err
	}
	return retry(ctx, func(ctx context.Context) error { return do(ctx, client) })
}

func retry(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := do(ctx)
		if err == nil || !transient(err) {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}

func transient(err error) bool {
	var coded interface{ Code() codes.Code }
	if errors.As(err, &coded) {
		return coded.Code() == codes.Unavailable
	}
	return errors.Is(err, errNoLeader) || status.Code(err) == codes.Unavailable
}

// enableAuth makes the users and then switches authentication on, after which
// only they are let in.
func (e *Etcd) enableAuth(ctx context.Context) error {
	client, err := e.Connect(ctx, User{})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()

	type grant struct {
		user       *User
		name, role string
		permission clientv3.PermissionType
	}
	for _, g := range []grant{
		{user: &e.Root, name: "root", role: "root"},
		{user: &e.Writer, name: "calico", role: "calico-readwrite", permission: clientv3.PermissionType(clientv3.PermReadWrite)},
		{user: &e.Reader, name: "auditor", role: "calico-read", permission: clientv3.PermissionType(clientv3.PermRead)},
	} {
		*g.user = User{Name: g.name, Password: rand.Text()}
		if _, err := client.UserAdd(ctx, g.user.Name, g.user.Password); err != nil {
			return err
		}
		// etcd has the role root from the start.
		if g.user != &e.Root {
			if _, err := client.RoleAdd(ctx, g.role); err != nil {
				return err
			}
			if _, err := client.RoleGrantPermission(ctx, g.role, CalicoPrefix, clientv3.GetPrefixRangeEnd(CalicoPrefix), g.permission); err != nil {
				return err
			}
		}
		if _, err := client.UserGrantRole(ctx, g.user.Name, g.role); err != nil {
			return err
		}
	}
	_, err = client.AuthEnable(ctx)
	return err
}
