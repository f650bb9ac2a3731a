package etcdv3

import (
	"context"
	"errors"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// txn runs a transaction, again after a failure that may pass, until the
// deadline of ctx.
func (s *Store) txn(ctx context.Context, operation, key string, op clientv3.Op) (*clientv3.TxnResponse, error) {
	var resp *clientv3.TxnResponse
	err := s.attempt(ctx, operation, key, func(ctx context.Context, call *datastore.Call) error {
		var err error
		resp, err = s.do(ctx, call, op)
		return err
	})
	return resp, err
}

// do runs a transaction, and tells in call what came of it.
func (s *Store) do(ctx context.Context, call *datastore.Call, op clientv3.Op) (*clientv3.TxnResponse, error) {
	r, err := s.conn.Client().Do(ctx, op)
	if err != nil {
		return nil, err
	}
	resp := r.Txn()
	call.Revision = strconv.FormatInt(resp.Header.Revision, 10)
	if !resp.Succeeded {
		call.Outcome = "compare failed"
	}
	return resp, nil
}

// attempt makes one request, and makes it again after failures that pass by
// themselves: a member that is down, a change of leader. The pause between
// attempts grows; the deadline of ctx ends them.
func (s *Store) attempt(ctx context.Context, operation, key string, request func(context.Context, *datastore.Call) error) error {
	if err := s.outage.Standing(); err != nil {
		return err
	}
	pace := s.pace()
	started := time.Now()
	for {
		err := s.once(ctx, pace.timeout, operation, key, request)
		if !isUnavailable(err) {
			return err
		}
		if !pace.wait(ctx) {
			err = s.explain(ctx, err)
			s.noteOutage(ctx, err, time.Since(started))
			return err
		}
	}
}

// noteOutage notes that there was no answer until the deadline of ctx. The others need
// not find out the same: until a member answers again, all requests fail at once. But a
// request that was waited for less long than a member may take to answer, as its caller
// had spent the time on something else, shows nothing about etcd.
func (s *Store) noteOutage(ctx context.Context, err error, waited time.Duration) {
	// (Nobody has waited in vain if it was cancelled.)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && waited >= s.pace().timeout && s.outage.Begin(err) {
		go s.awaitEnd()
	}
}

// txnOnce runs a transaction, and waits for its answer as long as timeout says.
func (s *Store) txnOnce(ctx context.Context, timeout time.Duration, operation, key string, op clientv3.Op) (*clientv3.TxnResponse, error) {
	var resp *clientv3.TxnResponse
	err := s.once(ctx, timeout, operation, key, func(ctx context.Context, call *datastore.Call) error {
		var err error
		resp, err = s.do(ctx, call, op)
		return err
	})
	return resp, err
}

// once makes one request, and waits for its answer as long as timeout says.
func (s *Store) once(ctx context.Context, timeout time.Duration, operation, key string, request func(context.Context, *datastore.Call) error) error {
	started := time.Now()
	once, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	call := datastore.Call{Operation: operation, Key: key, Outcome: "ok"}
	err := request(once, &call)
	s.observe(ctx, call, started, err)
	if err == nil {
		s.outage.End()
	}
	return translate(err, key, s.cfg)
}

func isUnavailable(err error) bool {
	var unavailable *datastore.UnavailableError
	return errors.As(err, &unavailable)
}

// isDenied tells whether the user has no right to what was asked.
func isDenied(err error) bool {
	var denied *datastore.DeniedError
	return errors.As(err, &denied) && denied.Reason == datastore.DeniedPermission
}

// pace is how long an attempt waits for its answer, and the pause after it.
type pace struct{ timeout, pause time.Duration }

// pace is that of a first attempt: it does not wait long, as requests go to the
// members in turn and one may not answer at all. Later ones wait longer, as all
// may be slow.
func (s *Store) pace() pace {
	return pace{timeout: max(s.cfg.RequestTimeout/15, time.Second), pause: 50 * time.Millisecond}
}

// wait makes the pause and tells whether there is time for the next attempt.
func (p *pace) wait(ctx context.Context) bool {
	const longest = time.Second
	timer := time.NewTimer(p.pause)
	defer timer.Stop()
	p.timeout, p.pause = p.timeout+p.timeout/2, min(2*p.pause, longest)
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// awaitEnd asks again and again until a member answers, or the store is closed.
func (s *Store) awaitEnd() {
	const pause = 500 * time.Millisecond
	again := time.NewTicker(pause)
	defer again.Stop()
	for {
		select {
		case <-s.closed:
			return
		case <-again.C:
		}
		if s.outage.Standing() == nil {
			return // a request that was under way has had an answer
		}
		ctx, cancel := context.WithTimeout(context.Background(), s.pace().timeout)
		_, err := s.conn.Client().Get(ctx, clusterInformationKey, clientv3.WithCountOnly())
		cancel()
		if !isUnavailable(translate(err, clusterInformationKey, s.cfg)) {
			s.outage.End()
			return
		}
	}
}

func (s *Store) observe(ctx context.Context, call datastore.Call, started time.Time, err error) {
	call.Duration = time.Since(started)
	if err != nil {
		call.Outcome = outcome(translate(err, call.Key, s.cfg))
	}
	s.options.Observe(ctx, call)
}

func outcome(err error) string {
	var denied *datastore.DeniedError
	var unavailable *datastore.UnavailableError
	switch {
	case errors.As(err, &denied):
		return "denied"
	case errors.As(err, &unavailable):
		return "unavailable"
	default:
		return "error"
	}
}

// deadline bounds an operation so that finding out what went wrong, if it
// comes to that, still fits into the request timeout.
func (s *Store) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.patience())
}

// patience is how long an operation may take if nothing is to be found out after it.
func (s *Store) patience() time.Duration { return s.cfg.RequestTimeout - s.grace() }

// grace is how long it may take to find out what became of a failed request, and
// why it failed (see explain).
func (s *Store) grace() time.Duration { return min(s.cfg.RequestTimeout/4, 2*diagnosisTimeout) }

func gets(keys []string) []clientv3.Op {
	ops := make([]clientv3.Op, len(keys))
	for i, k := range keys {
		ops[i] = clientv3.OpGet(k)
	}
	return ops
}

// values returns what the reads of a transaction found, by key.
func values(resp *clientv3.TxnResponse) map[string]*datastore.Stored {
	found := map[string]*datastore.Stored{}
	for _, r := range resp.Responses {
		for _, kv := range r.GetResponseRange().GetKvs() {
			found[string(kv.Key)] = storedKV(string(kv.Key), kv.Value, kv.ModRevision)
		}
	}
	return found
}

func storedKV(key string, value []byte, modRevision int64) *datastore.Stored {
	return &datastore.Stored{Where: key, Raw: value, Version: strconv.FormatInt(modRevision, 10)}
}
