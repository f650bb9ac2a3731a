package acctest

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Diagnostic is an error or a warning as the CLI tells it.
type Diagnostic struct {
	Severity, Summary, Detail, Address string
	// Snippet is the part of the configuration that it is about.
	Snippet *struct {
		Context, Code string
	}
}

// String writes a diagnostic as a test shows it.
func (d Diagnostic) String() string {
	code := ""
	if d.Snippet != nil {
		code = fmt.Sprintf(" (at %s: %s)", d.Snippet.Context, strings.TrimSpace(d.Snippet.Code))
	}
	return fmt.Sprintf("%s: %s%s\n%s\n", d.Severity, d.Summary, code, d.Detail)
}

// Says holds that a diagnostic has all of the texts, in its summary or detail.
func (d Diagnostic) Says(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(d.Summary+"\n"+d.Detail, text) {
			t.Errorf("%q is missing in\n%s", text, d)
		}
	}
}

// Outcome is what a run of the CLI came to.
type Outcome struct {
	Failed      bool
	Diagnostics []Diagnostic
	// Events are the lines of its output, but for those of diagnostics.
	Events []Event
	// All is everything that it wrote.
	All  string
	Took time.Duration
}

// Event is a line of the CLI's output.
type Event struct {
	Type      string
	Timestamp time.Time `json:"@timestamp"`
	Message   string    `json:"@message"`
	Hook      struct {
		Resource struct{ Addr string }
	}
	Diagnostic *Diagnostic
}

// advice is told of hosts without a Felix, a policy or an interface of their own, of
// which most tests have none.
var advice = regexp.MustCompile(`Host Not Known to Calico|Host Endpoint Without a Policy|Another Host Endpoint Comes First|No Management Access Is Guarded|Profile Does Not Exist|Policies Close Nodes`)

// Run runs plan, apply or destroy, or another command with a JSON output. It leaves
// out the provider's advice about hosts: most tests are about other things.
func Run(t testing.TB, w *Workspace, command string, args ...string) Outcome {
	t.Helper()
	o := RunAndTell(t, w, command, args...)
	o.Diagnostics = slices.DeleteFunc(o.Diagnostics, func(d Diagnostic) bool { return advice.MatchString(d.Summary) })
	return o
}

// RunAndTell is Run with every warning.
func RunAndTell(t testing.TB, w *Workspace, command string, args ...string) Outcome {
	t.Helper()
	flags := []string{command, "-json"}
	if command == "apply" || command == "destroy" {
		flags = append(flags, "-auto-approve")
	}
	args = append(flags, args...) // a plan's file comes last
	began := time.Now()
	stdout, err := w.Run(t, args...)
	o := Outcome{All: stdout, Took: time.Since(began)}
	var ended *CLIError
	switch {
	case errors.As(err, &ended):
		o.Failed, o.All = true, stdout+ended.Stderr
	case err != nil:
		t.Fatal(err)
	}
	if command == "validate" {
		var answer struct{ Diagnostics []Diagnostic }
		if err := json.Unmarshal([]byte(stdout), &answer); err != nil {
			t.Fatalf("validate: %v in %s", err, stdout)
		}
		o.Diagnostics = answer.Diagnostics
	} else {
		for line := range strings.Lines(stdout) {
			var e Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%s: %v in %s", command, err, line)
			}
			if e.Type == "diagnostic" {
				o.Diagnostics = append(o.Diagnostics, *e.Diagnostic)
			} else {
				o.Events = append(o.Events, e)
			}
		}
	}
	// The CLI's own remark on how the tests run the provider.
	o.Diagnostics = slices.DeleteFunc(o.Diagnostics, func(d Diagnostic) bool {
		return strings.Contains(d.Summary, "rovider development overrides are in effect")
	})
	// In JSON every control character is escaped, so what it says is watched, too.
	for _, d := range o.Diagnostics {
		WatchText(t, command, d.Summary+"\n"+d.Detail)
	}
	for _, e := range o.Events {
		WatchText(t, command, e.Message)
	}
	return o
}

// Succeed is Run if it has to succeed, and without a warning.
func Succeed(t testing.TB, w *Workspace, command string, args ...string) Outcome {
	t.Helper()
	o := Run(t, w, command, args...)
	if o.Failed || len(o.Diagnostics) > 0 {
		t.Fatalf("%s: failed %t, with %v\n%s", command, o.Failed, o.Diagnostics, o.All)
	}
	return o
}

// Fail is Run if it has to fail, with one error.
func Fail(t testing.TB, w *Workspace, command string, args ...string) Diagnostic {
	t.Helper()
	o := Run(t, w, command, args...)
	errs := o.Of("error")
	if !o.Failed || len(errs) != 1 {
		t.Fatalf("%s: failed %t, with %v\n%s", command, o.Failed, o.Diagnostics, o.All)
	}
	return errs[0]
}

// Of returns the errors or the warnings.
func (o Outcome) Of(severity string) []Diagnostic {
	var some []Diagnostic
	for _, d := range o.Diagnostics {
		if d.Severity == severity {
			some = append(some, d)
		}
	}
	return some
}

// TookTo is how long a resource was at work, by the CLI's own clock: that is without
// the time the CLI takes to start.
func (o Outcome) TookTo(t testing.TB, addr string) time.Duration {
	t.Helper()
	var start, end time.Time
	for _, e := range o.Events {
		if e.Hook.Resource.Addr != addr {
			continue
		}
		switch e.Type {
		case "apply_start":
			start = e.Timestamp
		case "apply_errored", "apply_complete":
			end = e.Timestamp
		}
	}
	if start.IsZero() || end.IsZero() {
		t.Fatalf("%s was not applied:\n%s", addr, o.All)
	}
	return end.Sub(start)
}

// NoChanges holds that a plan has nothing to do.
func NoChanges(t testing.TB, w *Workspace) {
	t.Helper()
	changes, output, err := w.Plan(t.Context())
	if err != nil || changes {
		t.Errorf("plan: changes %t, %v\n%s", changes, err, output)
	}
}
