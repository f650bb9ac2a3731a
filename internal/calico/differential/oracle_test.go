package differential

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// oracleRelease is a release of Calico whose own code can be asked.
type oracleRelease struct {
	calico.Release
	tool string
	// binary is set where the oracle is not one of tools/ (CALICO_ORACLE).
	binary string
}

// oracleReleases are the releases whose tools are in tools/. A new release is a
// new row.
func oracleReleases() []oracleRelease {
	releases := []oracleRelease{
		{Release: calico.Release{Major: 3, Minor: 28, Patch: 5}, tool: "oracle-v3.28"},
		{Release: calico.Release{Major: 3, Minor: 31}, tool: "oracle-v3.31"},
	}
	// A developer who has built the oracle of another release asks only that one:
	// CALICO_ORACLE is its path. It says itself which release it is.
	if path := os.Getenv("CALICO_ORACLE"); path != "" {
		return []oracleRelease{{binary: path}}
	}
	return releases
}

// oracle is a running oracle (tools/calico/oracle says what it answers).
type oracle struct {
	release calico.Release
	in      *bufio.Writer
	closeIn io.Closer
	out     *bufio.Reader
	command *exec.Cmd
}

// checked is the answer to a "check".
type checked struct {
	Valid       bool         `json:"valid"`
	DecodeError string       `json:"decode_error"`
	Error       string       `json:"error"`
	ErrorType   string       `json:"error_type"`
	Errors      []fieldFault `json:"errors"`
	StoredKey   string       `json:"stored_key"`
	Stored      string       `json:"stored"`
	Failed      string       `json:"failed"`
}

// fieldFault is one field of an errors.ErrorValidation of libcalico-go.
type fieldFault struct {
	Field  string `json:"field"`
	Value  string `json:"value"`
	Reason string `json:"reason"`
}

// selected is the answer to a "selector".
type selected struct {
	Valid   bool   `json:"valid"`
	Error   string `json:"error"`
	Matches bool   `json:"matches"`
	// Canonical is what Calico prints of it.
	Canonical string `json:"canonical"`
	Failed    string `json:"failed"`
}

// startOracle runs an oracle until the test is done.
func startOracle(t *testing.T, release oracleRelease) *oracle {
	t.Helper()
	path := release.binary
	if path == "" {
		path = acctest.ToolFor(t, release.tool)
	}
	command := exec.Command(path)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	o := &oracle{in: bufio.NewWriterSize(in, 1<<16), closeIn: in, out: bufio.NewReaderSize(out, 1<<16), command: command}
	t.Cleanup(func() {
		// With no more requests it ends by itself; killed, it does too.
		_ = in.Close()
		_ = command.Process.Kill()
		_ = command.Wait()
	})

	var version struct{ Version string }
	o.ask(t, map[string]any{"op": "version"}, &version)
	if o.release, err = calico.ParseRelease(version.Version); err != nil {
		t.Fatal(err)
	}
	if release.binary == "" && o.release != release.Release {
		t.Fatalf("%s is the oracle of %s, want %s", release.tool, o.release, release.Release)
	}
	return o
}

// ask sends one request and waits for its answer.
func (o *oracle) ask(t *testing.T, request, answer any) {
	t.Helper()
	if err := o.send(request); err != nil {
		t.Fatal(err)
	}
	if err := o.in.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := o.receive(answer); err != nil {
		t.Fatal(err)
	}
}

// send may be called beside receive, by another goroutine.
func (o *oracle) send(request any) error {
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if _, err := o.in.Write(line); err != nil {
		return err
	}
	return o.in.WriteByte('\n')
}

func (o *oracle) receive(answer any) error {
	line, err := o.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the oracle of %s ended: %w", o.release, err)
	}
	return json.Unmarshal(line, answer)
}

// askAhead asks an oracle about the cases from first on, each step-th, before
// end. ask makes a case and its request, and answered gets the case back with the
// answer. Cases are made ahead while the oracle works on those before.
func askAhead[Case, Answer any](t *testing.T, o *oracle, first, step, end uint64, ask func(number uint64) (Case, any), answered func(Case, Answer)) {
	t.Helper()
	ahead := make(chan Case, 256)
	done := make(chan struct{})
	var group sync.WaitGroup
	defer group.Wait()
	defer close(done)
	group.Go(func() {
		defer close(ahead)
		for number := first; number < end; number += step {
			c, request := ask(number)
			err := o.send(request)
			select {
			case ahead <- c:
				continue
			default:
				// Whoever waits for answers must not wait for what is not sent yet.
				if err == nil {
					err = o.in.Flush()
				}
			}
			if err != nil {
				t.Errorf("the oracle of %s takes no more requests: %v", o.release, err)
				return
			}
			select {
			case ahead <- c:
			case <-done:
				return
			}
		}
		if err := o.in.Flush(); err != nil {
			t.Errorf("the oracle of %s takes no more requests: %v", o.release, err)
		}
	})
	number := first
	for c := range ahead {
		var answer Answer
		if err := o.receive(&answer); err != nil {
			t.Errorf("at case %d: %v", number, err)
			return
		}
		answered(c, answer)
		number += step
	}
}

// checkRequest asks what calicoctl would make of the manifest where its tier, if
// it names one, exists.
type checkRequest struct {
	Op     string            `json:"op"`
	Verb   string            `json:"verb,omitempty"`
	Object json.RawMessage   `json:"object"`
	Store  map[string]string `json:"store,omitempty"`
}

// newCheckRequest adapts a manifest to what the provider would do with it. Up to
// v3.28 spec.tier is no field; the provider leaves "default", the one tier that
// there is, out of what it writes there. All other tiers stay, and are refused.
func newCheckRequest(release calico.Release, m manifest) checkRequest {
	r := checkRequest{Op: "check"}
	if m.kind == calico.KindTier {
		// Some exist already: those that Calico makes itself.
		r.Verb = "apply"
	}
	spec, _ := m.tree["spec"].(object)
	tier, isText := spec["tier"].(string)
	tiered := release.AtLeast(3, 29, 0)
	_, present := spec["tier"]
	leaveOut := !tiered && m.kind.Tiered() && present && (isText && (tier == "" || tier == calico.DefaultTier) || spec["tier"] == nil)
	if leaveOut {
		value := spec["tier"]
		delete(spec, "tier")
		defer func() { spec["tier"] = value }()
	}
	if tiered && m.kind.Tiered() && tier != "" {
		r.addToStore(calico.KindTier, tier)
	}
	if filters, ok := spec["filters"].([]any); ok && m.kind == calico.KindBGPPeer {
		// That they exist is not for Validate to check.
		for _, f := range filters {
			if name, ok := f.(string); ok {
				r.addToStore(calico.KindBGPFilter, name)
			}
		}
	}
	r.Object = json.RawMessage(m.String())
	return r
}

// addToStore lets an object that is referred to exist.
func (r *checkRequest) addToStore(kind calico.Kind, name string) {
	body, err := json.Marshal(object{"kind": kind, "apiVersion": apiVersion, "metadata": object{"name": name}, "spec": object{}})
	if err != nil {
		panic(err)
	}
	if r.Store == nil {
		r.Store = map[string]string{}
	}
	r.Store["/calico/resources/v3/projectcalico.org/"+kind.Plural()+"/"+name] = string(body)
}
