package etcdv3

import (
	"fmt"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// Type is what is true of every datastore in etcd v3.
var Type = &datastore.Type{
	Name:   "etcd",
	Decode: decode,
	Look:   lookCommand,
	Remove: removeCommand,
}

func lookCommand(key string) string { return "etcdctl get " + safetext.Shell(key) }

func removeCommand(key string) string { return "etcdctl del " + safetext.Shell(key) }

// Type is what is true of every datastore in etcd v3; see datastore.Store.
func (s *Store) Type() *datastore.Type { return Type }

// decode fills in the object of a stored value: see datastore.Type.
func decode(kind calico.Kind, stored *datastore.Stored) error {
	_, name, _ := strings.Cut(stored.Where, "/"+kind.Plural()+"/")
	object, err := storage.Decode(kind, name, stored.Raw)
	if err != nil {
		return corrupt(stored, err)
	}
	stored.Object = object
	return nil
}

func corrupt(stored *datastore.Stored, err error) *datastore.CorruptError {
	return &datastore.CorruptError{Where: stored.Where, Version: stored.Version, Look: lookCommand(stored.Where), Err: err}
}

// denied says that etcd has refused a request for good. key is what it was about;
// empty if the connection itself was refused.
func denied(reason datastore.DeniedReason, key string, cfg Config, err error) *datastore.DeniedError {
	refused := &datastore.DeniedError{Reason: reason, Server: cfg.String(), Err: err}
	switch reason {
	case datastore.DeniedCredentials:
		user := "no user name"
		if cfg.Username != "" {
			user = fmt.Sprintf("the user name %q", cfg.Username)
		}
		refused.Advice = fmt.Sprintf("%s does not accept the credentials: it was given %s. Check etcd.username and etcd.password of the provider (or ETCD_USERNAME and ETCD_PASSWORD), and that the user exists (`etcdctl user get`).", cfg, user)
	case datastore.DeniedPermission:
		refused.Advice = fmt.Sprintf("%s does not let the user %q do this at %s. Its role needs permission to read and write the prefix /calico/: `etcdctl role grant-permission ROLE --prefix=true readwrite /calico/`.", cfg, cfg.Username, safetext.Line(key))
	case datastore.DeniedTLS:
		refused.Advice = fmt.Sprintf("The TLS connection to %s failed. Check that etcd.ca_cert (or ca_cert_file) is the authority that signed etcd's certificate, that the certificate is for the name or address in the endpoint, and that etcd.cert and etcd.key are a client certificate that etcd accepts.", cfg)
	}
	return refused
}
