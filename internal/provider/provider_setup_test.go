package provider_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// The tests of the provider itself run a real CLI with the provider as a program
// of its own: what counts is what a user sees.

const (
	endpointKeys = acctest.ResourcePrefix + "hostendpoints/"
	policyKeys   = acctest.ResourcePrefix + "globalnetworkpolicies/"
)

// hostEndpoint is a resource; nothing about it depends on the release of Calico.
func hostEndpoint(name string) string {
	return fmt.Sprintf(`
resource "calico_host_endpoint" %[1]q {
  name           = %[1]q
  node           = "db1"
  interface_name = "eth0"
}
`, name)
}

// failsafe is a resource that is stored in another way by each release.
const failsafe = `
resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]
}
`

// block is a provider block with the given arguments.
func block(arguments string) string { return "\nprovider \"calico\" {\n" + arguments + "\n}\n" }

// nested is a block in another one, with what is in it.
func nested(name string, lines ...string) string {
	return name + " {\n" + strings.Join(lines, "\n") + "\n}"
}

// inEtcd is the block etcd of a provider block.
func inEtcd(arguments ...string) string { return nested("etcd", arguments...) }

// etcdBlock is a provider block with the arguments of its block etcd.
func etcdBlock(arguments ...string) string { return block(inEtcd(arguments...)) }

// list writes texts as HCL does.
func list(texts ...string) string {
	var quoted []string
	for _, text := range texts {
		quoted = append(quoted, fmt.Sprintf("%q", text))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// at is the argument that names endpoints.
func at(endpoints ...string) string { return "endpoints = " + list(endpoints...) }

// text is an argument whose value is a text, of several lines maybe.
func text(name, value string) string {
	if strings.Contains(value, "\n") {
		return name + " = <<-EOT\n" + value + "EOT"
	}
	return fmt.Sprintf("%s = %q", name, value)
}

// newWorkspace makes a workspace of a configuration without its first block.
func newWorkspace(t *testing.T, configuration ...string) *acctest.Workspace {
	t.Helper()
	return acctest.NewWorkspace(t, map[string]string{"main.tf": withProviders(configuration...)})
}

func withProviders(configuration ...string) string {
	return fmt.Sprintf("terraform {\n  required_providers {\n    calico = {\n      source = %q\n    }\n  }\n}\n", acctest.ProviderSource) +
		strings.Join(configuration, "")
}

// rewrite gives the workspace another configuration.
func rewrite(t *testing.T, w *acctest.Workspace, configuration ...string) {
	t.Helper()
	if err := w.WriteFile("main.tf", withProviders(configuration...)); err != nil {
		t.Fatal(err)
	}
}

// diagnostic is an error or a warning as the CLI tells it.
type diagnostic struct {
	Severity, Summary, Detail, Address string
	Snippet                            *struct {
		Context, Code string
	}
}

func (d diagnostic) String() string {
	code := ""
	if d.Snippet != nil {
		code = fmt.Sprintf(" (at %s: %s)", d.Snippet.Context, strings.TrimSpace(d.Snippet.Code))
	}
	return fmt.Sprintf("%s: %s%s\n%s\n", d.Severity, d.Summary, code, d.Detail)
}

// outcome is what a run of the CLI came to.
type outcome struct {
	failed      bool
	diagnostics []diagnostic
	// events are the lines of its output, but for those of diagnostics.
	events []event
	// all is everything that it wrote.
	all  string
	took time.Duration
}

type event struct {
	Type      string
	Timestamp time.Time `json:"@timestamp"`
	Message   string    `json:"@message"`
	Hook      struct {
		Resource struct{ Addr string }
	}
	Diagnostic *diagnostic
}

// run runs plan, apply or destroy, or another command with a JSON output. It leaves out the
// provider's warning that there are no hosts: most tests are about other things.
func run(t *testing.T, w *acctest.Workspace, command string, args ...string) outcome {
	t.Helper()
	o := runAndTell(t, w, command, args...)
	// What is told of hosts without a Felix, a policy or an interface of their own: most
	// tests need none of these.
	advice := regexp.MustCompile(`Host Not Known to Calico|Host Endpoint Without a Policy|Another Host Endpoint Comes First|No Management Access Is Guarded|Profile Does Not Exist|Policies Close Nodes`)
	o.diagnostics = slices.DeleteFunc(o.diagnostics, func(d diagnostic) bool { return advice.MatchString(d.Summary) })
	return o
}

// runAndTell is run with every warning.
func runAndTell(t *testing.T, w *acctest.Workspace, command string, args ...string) outcome {
	t.Helper()
	flags := []string{command, "-json"}
	if command == "apply" || command == "destroy" {
		flags = append(flags, "-auto-approve")
	}
	args = append(flags, args...) // a plan's file comes last
	began := time.Now()
	stdout, err := w.Run(t, args...)
	o := outcome{all: stdout, took: time.Since(began)}
	var ended *acctest.CLIError
	switch {
	case errors.As(err, &ended):
		o.failed, o.all = true, stdout+ended.Stderr
	case err != nil:
		t.Fatal(err)
	}
	if command == "validate" {
		var answer struct{ Diagnostics []diagnostic }
		if err := json.Unmarshal([]byte(stdout), &answer); err != nil {
			t.Fatalf("validate: %v in %s", err, stdout)
		}
		o.diagnostics = answer.Diagnostics
	} else {
		for line := range strings.Lines(stdout) {
			var e event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%s: %v in %s", command, err, line)
			}
			if e.Type == "diagnostic" {
				o.diagnostics = append(o.diagnostics, *e.Diagnostic)
			} else {
				o.events = append(o.events, e)
			}
		}
	}
	// The CLI's own remark on how the tests run the provider.
	o.diagnostics = slices.DeleteFunc(o.diagnostics, func(d diagnostic) bool {
		return strings.Contains(d.Summary, "rovider development overrides are in effect")
	})
	// In JSON every control character is escaped, so what it says is watched, too.
	for _, d := range o.diagnostics {
		acctest.WatchText(t, command, d.Summary+"\n"+d.Detail)
	}
	for _, e := range o.events {
		acctest.WatchText(t, command, e.Message)
	}
	return o
}

// succeed is run where it has to succeed, and without a warning.
func succeed(t *testing.T, w *acctest.Workspace, command string, args ...string) outcome {
	t.Helper()
	o := run(t, w, command, args...)
	if o.failed || len(o.diagnostics) > 0 {
		t.Fatalf("%s: failed %t, with %v\n%s", command, o.failed, o.diagnostics, o.all)
	}
	return o
}

// fail is run where it has to fail, with one error.
func fail(t *testing.T, w *acctest.Workspace, command string, args ...string) diagnostic {
	t.Helper()
	o := run(t, w, command, args...)
	errs := o.of("error")
	if !o.failed || len(errs) != 1 {
		t.Fatalf("%s: failed %t, with %v\n%s", command, o.failed, o.diagnostics, o.all)
	}
	return errs[0]
}

// of returns the errors or the warnings.
func (o outcome) of(severity string) []diagnostic {
	var some []diagnostic
	for _, d := range o.diagnostics {
		if d.Severity == severity {
			some = append(some, d)
		}
	}
	return some
}

// took is how long a resource was at work, by the CLI's own clock: that is
// without the time the CLI takes to start.
func (o outcome) tookTo(t *testing.T, addr string) time.Duration {
	t.Helper()
	var start, end time.Time
	for _, e := range o.events {
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
		t.Fatalf("%s was not applied:\n%s", addr, o.all)
	}
	return end.Sub(start)
}

// says holds that a diagnostic has all of the texts, in its summary or detail.
func (d diagnostic) says(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(d.Summary+"\n"+d.Detail, text) {
			t.Errorf("%q is missing in\n%s", text, d)
		}
	}
}

// noChanges holds that a plan has nothing to do.
func noChanges(t *testing.T, w *acctest.Workspace) {
	t.Helper()
	changes, output, err := w.Plan(t.Context())
	if err != nil || changes {
		t.Errorf("plan: changes %t, %v\n%s", changes, err, output)
	}
}

// wantKeys holds that these are the keys with the prefix, given without it.
func wantKeys(t *testing.T, etcd *acctest.Etcd, prefix string, want ...string) {
	t.Helper()
	var got []string
	for _, key := range etcd.Keys(t, prefix) {
		got = append(got, strings.TrimPrefix(key, prefix))
	}
	if !slices.Equal(got, want) {
		t.Errorf("there are the keys %q below %s, want %q", got, prefix, want)
	}
}

// closedEndpoint is one that nothing listens at.
func closedEndpoint(t *testing.T, scheme string) string {
	t.Helper()
	l := silent(t)
	_ = l.Close()
	return scheme + "://" + l.Addr().String()
}

// silent takes connections, as the kernel does for it, and never answers.
func silent(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// tempFile writes a file and returns its path.
func tempFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// newCertificates makes an authority with its certificates.
func newCertificates(t *testing.T) *acctest.Certificates {
	t.Helper()
	c, err := acctest.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// secretLine is a line of a key's PEM, which must not be seen anywhere.
func secretLine(pem string) string { return strings.Split(pem, "\n")[1] }

// webSite serves HTTP of another kind than etcd's.
func webSite(t *testing.T) (endpoint string) {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server.URL
}
