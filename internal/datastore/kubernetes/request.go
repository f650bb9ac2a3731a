package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// fieldManager names the provider in the managedFields of what it writes.
const fieldManager = "terraform-provider-calico"

// request is one request to the API server.
type request struct {
	// operation is what it does, as datastore.Call says it.
	operation string
	method    string
	// at is what it is about. path is where it goes; empty for the path of at.
	at    location
	path  string
	query url.Values
	// contentType is that of the body; the default is JSON.
	contentType string
	body        []byte
	// id is the object that is written, for errors; empty for a read.
	id calico.ID
}

// writes tells whether the request changes something.
func (r request) writes() bool { return r.method != http.MethodGet }

// segment escapes a name for a path.
func segment(name string) string { return url.PathEscape(name) }

// lostError says that a write got no answer: it may have been done, or may still be.
type lostError struct {
	err error
	// closed is true if the server (or what is before it) has closed the connection, so
	// that it has not kept the request to do it later.
	closed bool
}

// (It wraps nothing: it must not pass for an answer.)
func (e *lostError) Error() string { return plain(e.err).Error() }

// send makes a request, and makes it again as long as ctx lasts if it was surely not
// done and that may pass: the server is not reached, is starting, or has too much to do.
// A read is made again after every failure that may pass. A write without an answer is a
// *lostError. Other errors are those of package datastore, or an *answerError.
func (s *Store) send(ctx context.Context, r request) ([]byte, error) {
	if err := s.outage.Standing(); err != nil {
		return nil, err
	}
	started := time.Now()
	wait := 50 * time.Millisecond
	for {
		body, err := s.once(ctx, r)
		var again *passingError
		if !errors.As(err, &again) {
			return body, err
		}
		pause := max(wait, again.after)
		wait = min(2*wait, time.Second)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			failure := s.unavailable(ctx, again.err)
			s.noteOutage(ctx, failure, time.Since(started))
			return nil, failure
		case <-timer.C:
		}
	}
}

// passingError is a failure of a request that was not done, or that changes nothing,
// which may pass by itself.
type passingError struct {
	err error
	// after is how long the server asks to wait.
	after time.Duration
}

func (e *passingError) Error() string { return e.err.Error() }

// once makes a request once.
func (s *Store) once(ctx context.Context, r request) ([]byte, error) {
	started := time.Now()
	once, cancel := context.WithTimeout(ctx, s.attemptTime())
	defer cancel()
	call := datastore.Call{Operation: r.operation, Key: r.at.String(), Outcome: "ok"}
	body, version, err := s.roundTrip(once, r)
	if s.renews && unauthorized(err) {
		// A credential that is refused is made or read anew. Nothing was done with the old one.
		body, version, err = s.roundTrip(once, r)
	}
	if refused := denied(err); refused != nil {
		// A server that is starting does not know yet who may do what, and forbids
		// everything. It may have become ready since it answered.
		if s.starting(once) {
			err = &passingError{err: refused}
		} else {
			body, version, err = s.roundTrip(once, r)
		}
	}
	call.Duration, call.Revision = time.Since(started), version
	if err != nil {
		call.Outcome = outcome(err)
	}
	s.options.Observe(ctx, call)
	var passing *passingError
	var lost *lostError
	if !errors.As(err, &passing) && !errors.As(err, &lost) {
		s.outage.End()
	}
	return body, err
}

// roundTrip makes a request and reads its answer.
func (s *Store) roundTrip(ctx context.Context, r request) (body []byte, version string, err error) {
	target := *s.base
	path := r.path
	if path == "" {
		path = r.at.path()
	}
	escaped := strings.TrimSuffix(target.EscapedPath(), "/") + path
	if target.Path, err = url.PathUnescape(escaped); err != nil {
		return nil, "", err
	}
	target.RawPath = escaped
	target.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, target.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Accept", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
		if r.contentType != "" {
			req.Header.Set("Content-Type", r.contentType)
		}
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, "", s.noAnswer(r, err)
	}
	defer func() { _ = resp.Body.Close() }()
	s.tellWarnings(ctx, r, resp)
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		return nil, "", s.noAnswer(r, err)
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		var head struct {
			Metadata struct {
				ResourceVersion string `json:"resourceVersion"`
			} `json:"metadata"`
		}
		if r.writes() {
			_ = json.Unmarshal(body, &head)
		}
		return body, head.Metadata.ResourceVersion, nil
	}
	return nil, "", s.refusal(r, resp, body)
}

// starting tells whether the server is not ready: it says so, or it forbids what it has
// allowed before.
func (s *Store) starting(ctx context.Context) bool {
	paths := []string{"/readyz"}
	if s.welcome.Load() {
		paths = append(paths, "/apis")
	}
	for _, path := range paths {
		_, _, err := s.roundTrip(ctx, request{operation: "detect", method: http.MethodGet, path: path})
		var passing *passingError
		if errors.As(err, &passing) || path == "/apis" && denied(err) != nil {
			return true
		}
	}
	return false
}

// noAnswer tells what it means that a request got no answer.
func (s *Store) noAnswer(r request, err error) error {
	var operation *net.OpError
	// (What fails before there is a connection was not sent.)
	unsent := errors.As(err, &operation) && operation.Op == "dial"
	if denied := s.deniedBy(err); denied != nil {
		return denied
	}
	if unsent || !r.writes() {
		return &passingError{err: err}
	}
	closed := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || operation != nil && !operation.Timeout() ||
		strings.Contains(err.Error(), "server sent GOAWAY")
	return &lostError{err: err, closed: closed}
}

// answerError is an answer of the server that is no success.
type answerError struct {
	code   int
	status metav1.Status
}

func (e *answerError) Error() string { return e.status.Message }

// is tells whether an error is an answer of the server with the reason.
func is(err error, reason metav1.StatusReason) bool {
	var answer *answerError
	return errors.As(err, &answer) && answer.status.Reason == reason
}

// refusal turns an answer that is no success into an error.
func (s *Store) refusal(r request, resp *http.Response, body []byte) error {
	answer := &answerError{code: resp.StatusCode}
	if err := json.Unmarshal(body, &answer.status); err != nil || answer.status.Kind != "Status" {
		answer.status = metav1.Status{Message: strings.TrimSpace(string(body[:min(len(body), 200)]))}
	}
	if answer.code == http.StatusInternalServerError && strings.HasPrefix(answer.status.Message, "resource not found ") {
		// Calico's API server says so of a policy that it has under another spelling of its
		// name: web for default.web.
		answer.code, answer.status.Reason = http.StatusNotFound, metav1.StatusReasonNotFound
	}
	if r.writes() {
		if err := admission(r, answer); err != nil {
			return err
		}
	}
	switch answer.code {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		// Nothing was done yet. "storage is (re)initializing", and "Resource kind ... not
		// found. There can be a delay", come of a server that has just started.
		return &passingError{err: answer, after: retryAfter(resp)}
	case http.StatusGatewayTimeout, http.StatusBadGateway, http.StatusRequestTimeout:
		if r.writes() {
			return &lostError{err: answer}
		}
		if answer.tooNew() {
			return answer
		}
		return &passingError{err: answer}
	case http.StatusUnauthorized:
		return s.denied(datastore.DeniedCredentials, answer)
	case http.StatusForbidden:
		return s.forbidden(r, answer)
	case http.StatusInternalServerError:
		return s.internal(r, answer)
	}
	return answer
}

// tooNew tells whether a list was asked for at a revision that the server has not seen.
func (e *answerError) tooNew() bool {
	return strings.Contains(e.status.Message, "Too large resource version")
}

// retryAfter is how long the server asks to wait, 5 seconds at most.
func retryAfter(resp *http.Response) time.Duration {
	d, err := time.ParseDuration(resp.Header.Get("Retry-After") + "s")
	if err != nil {
		return 0
	}
	return min(d, 5*time.Second)
}

// attemptTime is how long a request waits for its answer before it is made again.
func (s *Store) attemptTime() time.Duration { return max(s.cfg.RequestTimeout/3, time.Second) }

// deadline bounds an operation with all its requests.
func (s *Store) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.cfg.RequestTimeout)
}

// unavailable says that there is no answer.
func (s *Store) unavailable(ctx context.Context, err error) *datastore.UnavailableError {
	var done *datastore.UnavailableError
	if errors.As(err, &done) {
		return done
	}
	return &datastore.UnavailableError{Server: s.String(), Interrupted: errors.Is(ctx.Err(), context.Canceled), Err: plain(err)}
}

// noteOutage notes that there was no answer in the time of ctx: the others need not find
// out the same. What was waited for less long than one attempt shows nothing about the
// server, as its caller had spent the time on something else.
func (s *Store) noteOutage(ctx context.Context, err error, waited time.Duration) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && waited >= s.attemptTime() && s.outage.Begin(err) {
		go s.awaitEnd()
	}
}

// awaitEnd asks again and again until the server answers, or the store is closed.
func (s *Store) awaitEnd() {
	again := time.NewTicker(500 * time.Millisecond)
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
		ctx, cancel := context.WithTimeout(context.Background(), s.attemptTime())
		_, _, err := s.roundTrip(ctx, request{operation: "detect", method: http.MethodGet, path: "/apis"})
		cancel()
		var passing *passingError
		if !errors.As(err, &passing) {
			s.outage.End()
			return
		}
	}
}

func outcome(err error) string {
	var denied *datastore.DeniedError
	var passing *passingError
	var lost *lostError
	var answer *answerError
	switch {
	case errors.As(err, &denied):
		return "denied"
	case errors.As(err, &passing), errors.As(err, &lost):
		return "unavailable"
	case errors.As(err, &answer) && (answer.code == http.StatusNotFound || answer.code == http.StatusConflict):
		return "compare failed"
	default:
		return "error"
	}
}
