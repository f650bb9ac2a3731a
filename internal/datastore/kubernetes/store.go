// Package kubernetes keeps Calico objects in the API server of Kubernetes, in each of the
// forms in which Calico's own tools keep them there.
package kubernetes

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"k8s.io/client-go/rest"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/readahead"
)

// Options are what a Store needs beside its configuration.
type Options struct {
	// Release is the release of Calico as the configuration gives it; nil if it is to be
	// found out from the cluster.
	Release *calico.Release
	// Observe is told of every request; nil for nobody.
	Observe datastore.Observer
	// Warn is told what a user should know, though nothing failed; nil for nobody. The
	// context is that of the call of the store which it came of.
	Warn func(ctx context.Context, summary, detail string)
}

// Store is Calico's datastore in Kubernetes.
type Store struct {
	cfg     Config
	options Options
	client  *http.Client
	base    *url.URL
	// renews is true if there can be another credential in the place of one that is
	// refused: it is in a file, or a program makes it.
	renews bool

	// found is what the cluster tells of Calico.
	found datastore.Shared[*facts]
	reads readahead.Cache[*datastore.Stored]
	lock  datastore.LockWait

	// welcome is true once the server has told what it serves.
	welcome atomic.Bool

	// outage is that the API server does not answer.
	outage datastore.Outage
	// closed ends what goes on by itself.
	closed    chan struct{}
	closeOnce sync.Once

	// guardedWrites has room for one guarded write, as writes of one process would
	// otherwise upset each other's guards.
	guardedWrites chan struct{}
	lease         lease

	surroundings datastore.Shared[datastore.Surroundings]

	warned warnings
}

var _ datastore.Store = (*Store)(nil)

// New returns a store. It asks the API server nothing before the first use. An error says
// what is wrong with the configuration.
func New(_ context.Context, cfg Config, options Options) (*Store, error) {
	if cfg.RequestTimeout <= 0 {
		cfg.RequestTimeout = DefaultRequestTimeout
	}
	config, err := cfg.rest()
	if err != nil {
		return nil, err
	}
	renews := config.BearerTokenFile != "" || config.ExecProvider != nil
	if err := rereadToken(config); err != nil {
		return nil, err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	// An API server sends nobody elsewhere, and a credential is for no other server.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	if options.Observe == nil {
		options.Observe = func(context.Context, datastore.Call) {}
	}
	if options.Warn == nil {
		options.Warn = func(context.Context, string, string) {}
	}
	return &Store{
		cfg: cfg, options: options, client: client, base: base,
		renews: renews,
		closed: make(chan struct{}), guardedWrites: make(chan struct{}, 1),
		found:        datastore.Shared[*facts]{Stands: lockLooks, FailureStands: cfg.RequestTimeout},
		reads:        readahead.Cache[*datastore.Stored]{FailureStands: cfg.RequestTimeout},
		surroundings: datastore.Shared[datastore.Surroundings]{Stands: datastore.Forever, FailureStands: cfg.RequestTimeout},
	}, nil
}

// Close ends the store's use of its connections.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { close(s.closed) })
	s.client.CloseIdleConnections()
	return nil
}

// String names the API server: "Kubernetes at https://10.0.0.1:6443".
func (s *Store) String() string { return "Kubernetes at " + s.base.Scheme + "://" + s.base.Host }

// Key returns where the object is stored, or would be.
func (s *Store) Key(ctx context.Context, id calico.ID) string {
	f, err := s.facts(ctx)
	if err != nil {
		f = &facts{calicoAPI: calicoAPI{group: "projectcalico.org", version: "v3"}, release: calico.Newest}
	}
	return f.location(id.Kind, id.Namespace, f.naming().StoredName(id)).String()
}

// Server returns the URL of the API server, with its port. An error says what is wrong with
// the configuration.
func (c Config) Server() (string, error) {
	config, err := c.rest()
	if err != nil {
		return "", err
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return "", err
	}
	if base.Port() == "" {
		base.Host = net.JoinHostPort(base.Hostname(), "443")
	}
	return base.Scheme + "://" + base.Host, nil
}
