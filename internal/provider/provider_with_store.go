package provider

import (
	"context"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// WithStore makes the provider keep its objects in the store that open returns, whatever
// the configuration says of a datastore. open gets calico_version of the configuration;
// nil if that is not set. It is for tests: no configuration leads here.
func WithStore(datastoreType *datastore.Type, open func(ctx context.Context, release *calico.Release) (datastore.Store, error)) Option {
	return func(p *calicoProvider) { p.store = &injectedStore{datastoreType, open} }
}

// injectedStore is what WithStore is given.
type injectedStore struct {
	datastoreType *datastore.Type
	open          func(context.Context, *calico.Release) (datastore.Store, error)
}

// connect is the way to the store.
func (s *injectedStore) connect(given block) connection {
	return connection{
		datastoreType:  s.datastoreType,
		requestTimeout: given.timeouts[etcdRequestTimeout],
		open:           func(ctx context.Context) (datastore.Store, error) { return s.open(ctx, given.release) },
	}
}
