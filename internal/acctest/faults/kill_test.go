//go:build faults && linux

package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// TestFaultKills kills the provider, or Terraform, at a random moment of an apply that
// creates, of one that changes and of a destroy. One more run puts it right, with
// adopt_identical set: nothing by hand, nothing written twice, and nothing taken that
// differs.
//
// The state is in a backend that keeps it as a whole: there it is the one from before the
// run, or a later one. A local file Terraform empties before each write, and often leaves
// it so when it is killed. That is tried, too: a create needs no state, and for the others
// terraform.tfstate.backup is put back, as Terraform's own advice is. This is counted.
func TestFaultKills(t *testing.T) {
	for _, k := range []*killing{
		{what: "provider", phases: []string{create, update, destroy}},
		{what: "CLI", cli: true, remote: true, phases: []string{create, update, destroy}},
		{what: "CLI with a local state", cli: true, phases: []string{create, update, destroy}},
		{what: "provider in Kubernetes", in: newInKubernetes, phases: []string{create, update, destroy}},
		{what: "CLI in Kubernetes", in: newInKubernetes, cli: true, remote: true, phases: []string{create, update, destroy}},
	} {
		t.Run(k.what, func(t *testing.T) {
			began := time.Now()
			seed := uint64(began.UnixNano())
			t.Logf("seed %d", seed)
			k.prepare(t, rand.New(rand.NewPCG(seed, 0)))
			rounds := repetitions(t)
			for i := range rounds {
				k.round(t)
				if t.Failed() {
					t.Fatalf("round %d of %d failed", i+1, rounds)
				}
			}
			t.Logf("%s: killed %d times in each of: %s; %d objects each time; all converged with one more run, nothing by hand (%s)",
				k.what, rounds, strings.Join(k.phases, ", "), objects, time.Since(began).Round(time.Second))
			for _, name := range slices.Sorted(maps.Keys(k.figures)) {
				t.Logf("%-60s %d", name, k.figures[name])
			}
		})
	}
}

// The phases of a round.
const (
	create  = "create"
	update  = "update"
	destroy = "destroy"
)

// killing is a datastore and a workspace in which runs are killed.
type killing struct {
	what string
	// in makes the datastore; etcd if it is nil.
	in func(*testing.T) keeper
	// cli tells that the CLI is killed, and not the provider.
	cli bool
	// remote tells that the state is in a backend, and not in a file.
	remote bool
	// phases are those in which it is killed.
	phases []string

	random *rand.Rand
	keeper keeper
	w      *acctest.Workspace
	state  *stateServer
	// calicos are the keys that were there before, which are Calico's own.
	calicos []string
	// figures count what was seen.
	figures map[string]int
}

func (k *killing) prepare(t *testing.T, random *rand.Rand) {
	t.Helper()
	k.random, k.figures = random, map[string]int{}
	if k.in == nil {
		k.in = newInEtcd
	}
	k.keeper = k.in(t)
	for _, kv := range k.keeper.all(t) {
		k.calicos = append(k.calicos, kv.Key)
	}
	k.keeper.putOthers(t)
	k.w = acctest.NewWorkspace(t, map[string]string{"main.tf": k.keeper.configuration()})
	if k.remote {
		k.state = newStateServer(t, k.w)
	}
	t.Cleanup(func() { killOrphans(t) })
}

// round is one life of all objects, with a kill in each phase.
func (k *killing) round(t *testing.T) {
	t.Helper()
	others := k.othersStored(t)

	k.killed(t, create, "apply", "-var=generation=1")
	k.figures["create: objects stored when it was killed"] += len(k.ours(t))
	o := k.run(t, nil, "apply", "-var=generation=1", "-var=repair=true")
	k.wantErrors(t, o, len(others), "exists already")
	k.figures["create: of these adopted by the next run"] += o.count("Identical Object Adopted")
	for _, kv := range k.ours(t) {
		if kv.Version != 1 {
			t.Errorf("%s was written %d times", kv.Key, kv.Version)
		}
	}
	k.wantAll(t, "-var=generation=1")

	k.killed(t, update, "apply", "-var=generation=2", "-var=others=false")
	k.restore(t, update)
	o = k.run(t, nil, "apply", "-var=generation=2", "-var=others=false", "-var=repair=true")
	k.wantErrors(t, o, 0)
	k.figures["update: private state that the CLI had dropped"] += o.count("Private State Missing")
	k.wantAll(t, "-var=generation=2")

	k.killed(t, destroy, "destroy", "-var=generation=2", "-var=others=false")
	k.restore(t, destroy)
	k.figures["destroy: objects left when it was killed"] += len(k.ours(t))
	o = k.run(t, nil, "destroy", "-var=generation=2", "-var=others=false")
	k.wantErrors(t, o, 0)
	for _, kv := range k.ours(t) {
		t.Errorf("after the destroy there is still %s", kv.Key)
	}
	if list := k.stateList(t); len(list) > 0 {
		t.Errorf("after the destroy the state has %q", list)
	}

	if diff := cmp.Diff(others, k.othersStored(t)); diff != "" {
		t.Errorf("what others had stored was changed (-before +after):\n%s", diff)
	}
	killOrphans(t)
}

// killed runs the CLI, and kills in one of its phases when a random number of objects
// are done.
func (k *killing) killed(t *testing.T, phase, command string, args ...string) {
	t.Helper()
	if !slices.Contains(k.phases, phase) {
		return
	}
	trigger := &trigger{after: k.random.IntN(objects - 5)}
	pause := time.Duration(k.random.IntN(3000)) * time.Microsecond
	done := make(chan int, 1)
	k.w.Started = func(cli *os.Process) {
		trigger.fire = func() {
			// So that it does not always come right after an object was done.
			time.Sleep(pause)
			switch {
			case !k.cli:
				done <- killProviders(t, cli.Pid)
			case cli.Kill() == nil:
				done <- 1
			default:
				done <- 0
			}
		}
	}
	k.run(t, trigger, command, args...)
	k.w.Started = nil
	select {
	case n := <-done:
		if n == 0 {
			t.Fatalf("%s: there was nothing to kill after %d objects", phase, trigger.after)
		}
	default:
		t.Fatalf("%s: it did not come to %d objects", phase, trigger.after)
	}
}

// trigger watches what the CLI prints, and fires when it has told of so many objects
// that are done; if that is none, of the first that it begins with.
type trigger struct {
	after int
	fire  func()

	mu   sync.Mutex
	line []byte
	done int
	hot  bool
}

func (g *trigger) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.line = append(g.line, p...)
	for {
		line, rest, whole := bytes.Cut(g.line, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		g.line = rest
		var e event
		if json.Unmarshal(line, &e) != nil {
			continue
		}
		if e.Type == "apply_complete" {
			g.done++
		}
		if !g.hot && (e.Type == "apply_start" || e.Type == "apply_complete") && g.done >= g.after {
			g.hot = true
			go g.fire()
		}
	}
}

// event is a line of what the CLI prints.
type event struct {
	Type       string
	Diagnostic struct{ Severity, Summary, Detail string }
}

// told is what a run told.
type told struct {
	errors   []event
	warnings map[string]bool // by their summaries
	output   string
}

func (o told) count(summary string) int {
	n := 0
	for s := range o.warnings {
		if strings.HasPrefix(s, summary) {
			n++
		}
	}
	return n
}

func (k *killing) run(t *testing.T, output *trigger, command string, args ...string) told {
	t.Helper()
	k.w.Output = nil
	if output != nil {
		k.w.Output = output
	}
	o := told{warnings: map[string]bool{}}
	// What the CLI returns says nothing of one that was killed.
	o.output, _ = k.w.Run(t, append([]string{command, "-json", "-auto-approve"}, args...)...)
	for line := range strings.Lines(o.output) {
		var e event
		if json.Unmarshal([]byte(line), &e) != nil || e.Type != "diagnostic" {
			continue
		}
		if e.Diagnostic.Severity == "error" {
			o.errors = append(o.errors, e)
		} else {
			o.warnings[e.Diagnostic.Summary] = true
		}
	}
	return o
}

// wantErrors holds that a run ended, with so many errors, each of which says something.
func (k *killing) wantErrors(t *testing.T, o told, n int, says ...string) {
	t.Helper()
	if len(o.errors) != n || !strings.Contains(o.output, `"type":"change_summary"`) && n == 0 {
		t.Errorf("it told %d errors, want %d: %v\n%s", len(o.errors), n, o.errors, o.output)
	}
	for _, e := range o.errors {
		for _, text := range says {
			if !strings.Contains(e.Diagnostic.Detail, text) {
				t.Errorf("it told %v", e)
			}
		}
	}
}

// wantAll holds that all objects are stored and in the state, and that there is nothing
// left to do.
func (k *killing) wantAll(t *testing.T, generation string) {
	t.Helper()
	if stored, list := k.ours(t), k.stateList(t); len(stored) != objects || len(list) != objects {
		t.Errorf("%d objects are stored and %d in the state, want %d", len(stored), len(list), objects)
	}
	changes, text, err := k.w.Plan(t.Context(), generation, "-var=others=false")
	if err != nil || changes {
		t.Errorf("the plan: changes %t, %v\n%s", changes, err, text)
	}
}

// stateFile is the state as a file of the CLI.
func (k *killing) stateFile() string { return filepath.Join(k.w.Dir, "terraform.tfstate") }

// restore puts back the state from before a run, if Terraform was killed while it wrote
// its local file.
func (k *killing) restore(t *testing.T, phase string) {
	t.Helper()
	if k.remote {
		return
	}
	if content, err := os.ReadFile(k.stateFile()); err != nil || json.Valid(content) {
		return // there is none, or nothing is wrong with it
	}
	backup, err := os.ReadFile(k.stateFile() + ".backup")
	if err == nil {
		err = os.WriteFile(k.stateFile(), backup, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	k.figures[phase+": state files that the CLI left empty, put back from its backup"]++
}

// stateList returns the objects in the state, by type and index.
func (k *killing) stateList(t *testing.T) []string {
	t.Helper()
	var content []byte
	if k.remote {
		content = k.state.content()
	} else {
		var err error
		if content, err = os.ReadFile(k.stateFile()); err != nil {
			t.Fatal(err)
		}
	}
	var state struct {
		Resources []struct {
			Type      string
			Instances []struct {
				Index any `json:"index_key"`
			}
		}
	}
	if err := json.Unmarshal(content, &state); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, r := range state.Resources {
		for _, i := range r.Instances {
			list = append(list, fmt.Sprintf("%s %v", r.Type, i.Index))
		}
	}
	return list
}

// ours is what is stored by the configuration.
func (k *killing) ours(t *testing.T) []acctest.KeyValue {
	t.Helper()
	theirs := othersObjects()
	return slices.DeleteFunc(k.keeper.all(t), func(kv acctest.KeyValue) bool {
		_, found := theirs[strings.TrimPrefix(kv.Key, acctest.ResourcePrefix)]
		return found || slices.Contains(k.calicos, kv.Key)
	})
}

func (k *killing) othersStored(t *testing.T) []acctest.KeyValue {
	t.Helper()
	theirs := othersObjects()
	stored := slices.DeleteFunc(k.keeper.all(t), func(kv acctest.KeyValue) bool {
		_, found := theirs[strings.TrimPrefix(kv.Key, acctest.ResourcePrefix)]
		return !found
	})
	if len(stored) != len(theirs) {
		t.Errorf("of %d objects of others %d are stored", len(theirs), len(stored))
	}
	slices.SortFunc(stored, func(a, b acctest.KeyValue) int { return strings.Compare(a.Key, b.Key) })
	return stored
}
