package etcdv3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// translate turns an error of the etcd client into one of package datastore.
// What is neither a refusal nor a failure that may pass keeps its own type.
func translate(err error, key string, cfg Config) error {
	if err == nil || isTranslated(err) {
		return err
	}
	denied := func(reason datastore.DeniedReason) error { return denied(reason, key, cfg, err) }
	unavailable := &datastore.UnavailableError{Server: cfg.String(), Interrupted: errors.Is(err, context.Canceled), Err: err}

	switch err := rpctypes.Error(err); {
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		return denied(datastore.DeniedPermission)
	case errors.Is(err, rpctypes.ErrAuthFailed), errors.Is(err, rpctypes.ErrUserEmpty),
		errors.Is(err, rpctypes.ErrUserNotFound), errors.Is(err, rpctypes.ErrInvalidAuthToken):
		return denied(datastore.DeniedCredentials)
	case errors.Is(err, rpctypes.ErrAuthOldRevision), errors.Is(err, rpctypes.ErrTooManyRequests),
		errors.Is(err, rpctypes.ErrNotLeader), errors.Is(err, errLearner),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return unavailable
	}
	switch code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Internal:
		if isTLS(err) {
			return denied(datastore.DeniedTLS)
		}
		return unavailable
	case codes.Unauthenticated:
		return denied(datastore.DeniedCredentials)
	case codes.PermissionDenied:
		return denied(datastore.DeniedPermission)
	default:
	}
	var unconnected *notConnectedError
	switch {
	case errors.Is(rpctypes.Error(err), rpctypes.ErrNoSpace):
		return fmt.Errorf(noSpace, safetext.Line(key), err)
	case errors.As(err, &unconnected) && isTLS(err):
		return denied(datastore.DeniedTLS)
	case errors.As(err, &unconnected):
		return unavailable
	case key == "":
		return fmt.Errorf("etcd cannot be used: %w", err)
	default:
		return fmt.Errorf("etcd cannot do what was asked for %s: %w", safetext.Line(key), err)
	}
}

// noSpace is what an administrator does whose etcd takes no writes any more. It is told
// what was to be written and what etcd says.
const noSpace = "etcd's database has reached its quota, so etcd takes no writes, and nothing can be written at %s. Make room: " +
	"compact the history (`etcdctl compact REVISION`, with the revision that `etcdctl endpoint status --write-out=json` shows), " +
	"defragment each member (`etcdctl defrag --cluster`), and take the alarm away (`etcdctl alarm disarm`). " +
	"If what is stored needs more room, give each member a larger --quota-backend-bytes before that.\n\n%w"

// errLearner is the one error of a member that package rpctypes has in gRPC's
// form only.
var errLearner = rpctypes.Error(rpctypes.ErrGRPCNotSupportedForLearner)

// isTranslated tells whether the error is one of package datastore already.
func isTranslated(err error) bool {
	var denied *datastore.DeniedError
	var unavailable *datastore.UnavailableError
	return errors.As(err, &denied) || errors.As(err, &unavailable)
}

// code is the gRPC code of an error of the etcd client, whichever way it has it.
func code(err error) codes.Code {
	var e rpctypes.EtcdError
	if errors.As(err, &e) {
		return e.Code()
	}
	return status.Code(err)
}

// isTLS tells whether an error of gRPC is about TLS. It has only the text.
func isTLS(err error) bool {
	for _, mark := range []string{"x509: ", "tls: ", "authentication handshake failed"} {
		if strings.Contains(err.Error(), mark) {
			return true
		}
	}
	return false
}

// explain finds out why the datastore does not answer, where err is an
// *datastore.UnavailableError that only says so: it connects to every endpoint.
// The deadline of ctx may have passed; it takes a tenth of the request timeout
// more, and two seconds at most. Where it finds nothing, or ctx was canceled, it
// returns err.
func (s *Store) explain(ctx context.Context, err error) error {
	cfg := s.cfg
	cfg.Endpoints = s.conn.Endpoints()
	return explain(ctx, err, cfg)
}

func explain(ctx context.Context, err error, cfg Config) error {
	var unavailable *datastore.UnavailableError
	if !errors.As(err, &unavailable) {
		return err
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		unavailable.Interrupted = true
		return err
	}
	tlsConfig, tlsErr := cfg.tls()
	if tlsErr != nil || proxyOf(cfg, http.ProxyFromEnvironment) != "" {
		return err
	}
	within := diagnosisTimeout
	if cfg.RequestTimeout > 0 {
		within = min(within, cfg.RequestTimeout/10)
	}
	cause := diagnose(context.WithoutCancel(ctx), within, cfg, tlsConfig)
	if cause == nil {
		return err
	}
	var found *datastore.UnavailableError
	if errors.As(cause, &found) {
		found.Unknown = unavailable.Unknown
	}
	return cause
}
