package etcdv3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// result is what became of a write.
type result struct {
	// done is true if what was wanted is so, and revision is that of the value that
	// is stored; 0 for a delete.
	done     bool
	revision int64
	// found is what is stored under the keys that were read, if it is not done.
	found map[string]*datastore.Stored
}

// result is what became of a plan that was not done by this request, by what is
// stored. What an earlier request of it wrote is recognised by its bytes, which hold a
// uid or base a revision that nobody else's can.
func (p plan) result(found map[string]*datastore.Stored) result {
	mine := found[p.key]
	if mine == nil || p.value == nil || !bytes.Equal(mine.Raw, p.value) {
		return result{found: found}
	}
	revision, _ := strconv.ParseInt(mine.Version, 10, 64)
	return result{done: true, revision: revision}
}

// commit does the transaction of a plan: it sends a request and, if that gets no
// answer, withdraws it and sends another one. Why that is needed is told at fenceKey.
//
// With an etcd user who may not move the fence, nothing can be withdrawn. An update, a
// patch, a delete and a change of a policy's name are sent again all the same: as soon
// as one of the requests is done, the revision that the others compare is gone for
// good, so it is not done twice, nor after another change of the object. A create has
// nothing of that kind and is not sent again. What is not seen to be done is told to
// be unknown then.
func (s *Store) commit(ctx context.Context, end time.Time, operation string, p plan) (result, error) {
	reads := append(gets(p.keys), getClusterInformation)
	if p.tierKey != "" {
		reads = append(reads, clientv3.OpGet(p.tierKey))
	}
	if err := s.outage.Standing(); err != nil {
		return result{}, err
	}
	// adrift is true if there is a request that was not withdrawn.
	adrift := false
	// Every request waits as long as the first. One that only takes longer is seen to be
	// done when it is to be withdrawn.
	pace := s.pace()
	timeout := pace.timeout
	for at := s.fence.get(); ; {
		op := clientv3.OpTxn(slices.Concat(p.compares, at.unmoved()), p.then, slices.Concat(reads, at.look()))
		sent := time.Now()
		resp, err := s.txnOnce(ctx, timeout, operation, p.key, op)
		var unavailable *datastore.UnavailableError
		switch {
		case errors.As(err, &unavailable):
		case err != nil && adrift:
			return result{}, s.unknown(err)
		case err != nil:
			return result{}, err
		case resp.Succeeded:
			return result{done: true, revision: resp.Header.Revision}, nil
		default:
			r := p.result(values(resp))
			if now := s.seen(at, resp); !r.done && now != at {
				at = now // it was moved for the sake of another write
				continue
			}
			if adrift && !r.done && p.untouched(r.found) {
				// Something else is in the way, which may be gone when the other
				// request arrives.
				return result{}, s.unknown(errors.New("a request of this write that got no answer may still be done"))
			}
			return r, nil
		}

		w, lost := s.withdraw(ctx, end, sent, at, p, err)
		switch {
		case lost != nil:
			return result{}, s.unknown(lost)
		case w.done:
			return w.result, nil
		case w.refused == nil:
			at = w.fence
		case p.base == nil || ctx.Err() != nil:
			unavailable.Err = fmt.Errorf("%w. The request may still be done, as it could not be withdrawn: %w", unavailable.Err, w.refused)
			return result{}, s.unknown(unavailable)
		default:
			adrift = true
		}
		if !pace.wait(ctx) {
			if adrift {
				err = s.unknown(err)
			}
			return result{}, err
		}
	}
}

// untouched tells whether what the plan changes is still as it was.
func (p plan) untouched(found map[string]*datastore.Stored) bool {
	if p.base == nil {
		return false
	}
	now := found[p.base.Where]
	return now != nil && now.Version == p.base.Version
}

// withdrawal is what came of withdrawing a request.
type withdrawal struct {
	// result is what became of the request.
	result
	// fence is where the fence stands now.
	fence post
	// refused is why the request was not withdrawn: if it is not done, it may still be.
	refused error
}

// withdraw makes a request worthless that was sent at a time when the fence stood at a
// post, and finds out whether it was done before. It may be done any number of times: it
// moves the fence from that post and from no other.
//
// cause is why the request has no answer; if there is none here either, lost tells why.
func (s *Store) withdraw(ctx context.Context, end, sent time.Time, at post, p plan, cause error) (w withdrawal, lost error) {
	read := clientv3.OpGet(p.key)
	w.refused = errFence
	if !at.hidden {
		move := clientv3.OpTxn(at.unmoved(), []clientv3.Op{clientv3.OpPut(fenceKey, fenceNote), read}, []clientv3.Op{getFence, read})
		resp, refused, lost := s.lastWord(ctx, end, sent, "withdraw", p.key, move, cause)
		switch {
		case lost != nil:
			return w, lost
		case isDenied(refused):
		case refused != nil: // such as that etcd has no space for the key
			w.refused = refused
		default:
			w.result, w.fence, w.refused = p.outcome(values(resp)), s.seen(at, resp), nil
			return w, nil
		}
	}
	resp, refused, lost := s.lastWord(ctx, end, sent, "read back", p.key, clientv3.OpTxn(nil, []clientv3.Op{read}, nil), cause)
	if err := errors.Join(refused, lost); err != nil {
		return w, err
	}
	w.result = p.outcome(values(resp))
	return w, nil
}

var errFence = errors.New("for that, the etcd user needs permission to read and write " + fenceKey)

// outcome is the result of a plan that was sent: what it deletes may be gone.
func (p plan) outcome(found map[string]*datastore.Stored) result {
	if p.value == nil && found[p.key] == nil {
		return result{done: true}
	}
	return p.result(found)
}

// seen takes in where the fence stands by an answer, and returns that.
func (s *Store) seen(at post, resp *clientv3.TxnResponse) post {
	now := at.seen(resp)
	s.fence.set(now, resp)
	return now
}

// lastWord runs a transaction that may be done any number of times, and insists on an
// answer. If the time of the write, which was sent at a time and has no answer, is up,
// there is still the grace that is kept for this, up to the end. refused is etcd's answer
// if that is an error; lost tells why there is no answer.
func (s *Store) lastWord(ctx context.Context, end, sent time.Time, operation, key string, op clientv3.Op, cause error) (resp *clientv3.TxnResponse, refused, lost error) {
	if ctx.Err() == nil {
		resp, err := s.insist(ctx, operation, key, op)
		if !isUnavailable(err) {
			return resp, err, nil
		}
		cause = err
	}
	cause = s.explain(ctx, cause)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(s.grace(), time.Until(end)))
	defer cancel()
	resp, err := s.insist(grace, operation, key, op)
	if isUnavailable(err) {
		s.noteOutage(ctx, cause, time.Since(sent))
		return nil, nil, cause
	}
	return resp, err, nil
}

// insist runs a transaction that may be done any number of times. It sends it again
// while earlier requests wait for their answers, so that a member that hangs costs a
// moment, and an etcd that is slow has all the time of ctx.
func (s *Store) insist(ctx context.Context, operation, key string, op clientv3.Op) (*clientv3.TxnResponse, error) {
	type answer struct {
		resp *clientv3.TxnResponse
		err  error
	}
	answers := make(chan answer)
	var requests sync.WaitGroup
	defer requests.Wait()
	asking, cancel := context.WithCancel(ctx)
	defer cancel()

	pace := s.pace()
	next := time.NewTimer(0)
	defer next.Stop()
	failed := error(nil)
	for waiting := 0; ; {
		select {
		case <-next.C:
			waiting++
			requests.Go(func() {
				resp, err := s.txnOnce(asking, s.cfg.RequestTimeout, operation, key, op)
				select {
				case answers <- answer{resp, err}:
				case <-asking.Done():
				}
			})
			next.Reset(pace.timeout / 4)
			pace.timeout += pace.timeout / 2
		case a := <-answers:
			if !isUnavailable(a.err) {
				return a.resp, a.err
			}
			failed = a.err
			if waiting--; waiting == 0 {
				next.Reset(pace.pause)
				pace.pause *= 2
			}
		case <-ctx.Done():
			if failed == nil {
				failed = translate(ctx.Err(), key, s.cfg)
			}
			return nil, failed
		}
	}
}

// unknown says that it cannot be told what became of a write, and why.
func (s *Store) unknown(err error) error {
	var unavailable *datastore.UnavailableError
	if !errors.As(err, &unavailable) {
		return &datastore.UnavailableError{Server: s.cfg.String(), Unknown: true, Err: err}
	}
	unavailable.Unknown = true
	return unavailable
}
