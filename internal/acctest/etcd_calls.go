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
	calls := make(map[string]int)
	for _, m := range e.members {
		if !m.running() {
			continue
		}
		if err := m.countCalls(t.Context(), calls); err != nil {
			t.Fatalf("cannot count the calls that reached etcd: %v", err)
		}
	}
	return calls
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
	return parseCalls(response.Body, calls)
}

func parseCalls(metrics io.Reader, calls map[string]int) error {
	known := false
	lines := bufio.NewScanner(metrics)
	for lines.Scan() {
		match := callMetric.FindStringSubmatch(lines.Text())
		if match == nil {
			continue
		}
		known = true
		// A float, as large counts are written like 1e+06.
		count, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			return fmt.Errorf("in %q: %w", lines.Text(), err)
		}
		if count > 0 {
			calls[match[1]] += int(count)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if !known {
		return fmt.Errorf("%w: no line of etcd's metrics is like %s: has it renamed its counters?", errNoCounters, strings.TrimSpace(callMetric.String()))
	}
	return nil
}
