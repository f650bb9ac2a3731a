package acctest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// callMetric is a line of etcd's metrics such as
//
//	grpc_server_started_total{grpc_method="Txn",grpc_service="etcdserverpb.KV",grpc_type="unary"} 3
var callMetric = regexp.MustCompile(`^grpc_server_started_total\{grpc_method="(\w+)",grpc_service="etcdserverpb\.\w+",[^}]*\} (\S+)$`)

// Calls returns how many calls of each method ("Range", "Txn", "Put",
// "DeleteRange", "Watch", "Authenticate", ...) have reached the members that
// run, from any client, since they were started. Methods never called are left
// out. The count is etcd's own: it takes no call of etcd to ask for it.
func (e *Etcd) Calls(t testing.TB) map[string]int {
	t.Helper()
	calls, err := e.calls(t.Context())
	if err != nil {
		t.Fatalf("cannot count the calls that reached etcd: %v", err)
	}
	return calls
}

// CountCalls returns how many calls of all methods have reached the members that run; see
// Calls.
func (e *Etcd) CountCalls(ctx context.Context) (int, error) {
	calls, err := e.calls(ctx)
	sum := 0
	for _, n := range calls {
		sum += n
	}
	return sum, err
}

func (e *Etcd) calls(ctx context.Context) (map[string]int, error) {
	calls := make(map[string]int)
	for _, m := range e.members {
		if !m.running() {
			continue
		}
		if err := m.countCalls(ctx, calls); err != nil {
			return nil, err
		}
	}
	return calls, nil
}

// CallsDuring returns how many calls of each method reach etcd while do runs.
// Members must not be stopped or started in do.
func (e *Etcd) CallsDuring(t testing.TB, do func()) map[string]int {
	t.Helper()
	before := e.Calls(t)
	do()
	calls := e.Calls(t)
	for method, n := range before {
		if calls[method] -= n; calls[method] == 0 {
			delete(calls, method)
		}
	}
	return calls
}

// countCalls adds the calls that reached the member. One that has just started may
// answer before its counters are there: it is asked again until they are.
func (m *member) countCalls(ctx context.Context, calls map[string]int) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := m.readCalls(ctx, calls)
		if !errors.Is(err, errNoCounters) {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}

// errNoCounters is that etcd's metrics have no counter of calls.
var errNoCounters = errors.New("no counter of calls")

func (m *member) readCalls(ctx context.Context, calls map[string]int) error {
	return m.readMetrics(ctx, func(metrics io.Reader) error { return parseCalls(metrics, calls) })
}

func (m *member) readMetrics(ctx context.Context, parse func(io.Reader) error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.metrics+"/metrics", http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", request.URL, response.Status)
	}
	return parse(response.Body)
}

// sentMetric is the line of etcd's metrics that tells how much it has sent to clients.
var sentMetric = regexp.MustCompile(`^(etcd_network_client_grpc_sent_bytes_total) (\S+)$`)

// SentDuring returns how many bytes the members that run send to clients, in answers to any
// of them, while do runs. Members must not be stopped or started in do.
func (e *Etcd) SentDuring(t testing.TB, do func()) int {
	t.Helper()
	sent := func() int {
		sum, known := 0.0, false
		for _, m := range e.members {
			if !m.running() {
				continue
			}
			err := m.readMetrics(t.Context(), func(metrics io.Reader) error {
				return eachMetric(metrics, sentMetric, func(_ string, n float64) { known, sum = true, sum+n })
			})
			if err != nil {
				t.Fatalf("cannot tell how much etcd has sent: %v", err)
			}
		}
		if !known {
			t.Fatalf("no line of etcd's metrics is like %s: has it renamed its counters?", sentMetric)
		}
		return int(sum)
	}
	before := sent()
	do()
	return sent() - before
}

// writeMetric is a line of etcd's metrics about calls that may write: how many were
// started, or were handled with some outcome.
var writeMetric = regexp.MustCompile(`^grpc_server_(started|handled)_total\{.*grpc_method="(?:Txn|Put|DeleteRange)",grpc_service="etcdserverpb\.KV",[^}]*\} (\S+)$`)

// unhandled is how many calls that may write the member has begun and not ended.
func (m *member) unhandled(ctx context.Context) (int, error) {
	sums := map[string]float64{}
	err := m.readMetrics(ctx, func(metrics io.Reader) error {
		return eachMetric(metrics, writeMetric, func(outcome string, n float64) { sums[outcome] += n })
	})
	return int(sums["started"] - sums["handled"]), err
}

// Settle returns when all that had reached the member before is done, or never will be:
// after Resume, what it was asked for while it hung.
func (e *Etcd) Settle(t testing.TB, i int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	alone := &Etcd{Endpoints: e.Endpoints[i : i+1], Certificates: e.Certificates}
	client, err := alone.Connect(ctx, e.Root)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	// A read is answered when the member has caught up with the others.
	for _, err = client.Get(ctx, CalicoPrefix); err == nil; <-again.C {
		var n int
		if n, err = e.members[i].unhandled(ctx); n == 0 {
			break
		}
	}
	// What the member has passed on to the leader comes before what it passes on now.
	const mark = "/settled"
	if err == nil {
		_, err = client.Put(ctx, mark, "")
	}
	if err == nil {
		_, err = client.Delete(ctx, mark)
	}
	if err != nil {
		t.Fatalf("etcd at %s does not come to rest: %v", e.Endpoints[i], err)
	}
}

func parseCalls(metrics io.Reader, calls map[string]int) error {
	known := false
	err := eachMetric(metrics, callMetric, func(method string, n float64) {
		known = true
		if n > 0 {
			calls[method] += int(n)
		}
	})
	if err == nil && !known {
		err = fmt.Errorf("%w: no line of etcd's metrics is like %s: has it renamed its counters?", errNoCounters, strings.TrimSpace(callMetric.String()))
	}
	return err
}

// eachMetric calls use for each line of metrics that a pattern matches, with what its first
// two groups match: a name and the value. (A float, as large counts are written like 1e+06.)
func eachMetric(metrics io.Reader, pattern *regexp.Regexp, use func(name string, value float64)) error {
	lines := bufio.NewScanner(metrics)
	for lines.Scan() {
		match := pattern.FindStringSubmatch(lines.Text())
		if match == nil {
			continue
		}
		value, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			return fmt.Errorf("in %q: %w", lines.Text(), err)
		}
		use(match[1], value)
	}
	return lines.Err()
}
