package differential

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// The code of Calico v3.32 is not served as a Go module, so there is no oracle of it.
// Its CRDs and admission policies are: of them a real kube-apiserver makes all that
// the server knows of v3.32.1. The client of v3.32 applies the same schemas to what it
// writes to etcd.

// serverRelease is the release of the CRDs that the server has.
var serverRelease = calico.Release{Major: 3, Minor: 32, Patch: 1}

const (
	// slower is how much longer a case takes with the server than with an oracle: by so
	// much it gets fewer of CALICO_FUZZ_CASES.
	slower = 10
	// askers is how many cases it gets at a time. It wants processors itself.
	askers = 2
	// fewestOnServer is how many cases of each verdict a kind with a share of 1 has to
	// have at least.
	fewestOnServer = 10
)

// apiServer is a kube-apiserver with the kinds of Calico.
type apiServer struct{ *acctest.Kubernetes }

// served is what it answers to an object that is to be created.
type served struct {
	status  int
	message string
	causes  []cause
	// object is what it would store.
	object string
}

// cause is a field that is at fault, or several that contradict each other.
type cause struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Field   string `json:"field"`
}

func (s served) accepted() bool { return s.status == http.StatusCreated }

func (s served) String() string {
	if s.accepted() {
		return "accepted: " + brief(s.object)
	}
	return brief(fmt.Sprintf("%d: %s", s.status, s.message))
}

// unknownField is how a server names a field that it does not know.
var unknownField = regexp.MustCompile(`unknown field "([^"]+)"`)

// create asks for the creation of an object, without making it.
func (k apiServer) create(ctx context.Context, kind calico.Kind, text string) (served, error) {
	path := "/apis/" + apiVersion + "/"
	if kind.Namespaced() {
		path += "namespaces/" + serverNamespace + "/"
	}
	status, answer, err := k.Do(ctx, http.MethodPost, path+kind.Plural()+"?dryRun=All&fieldValidation=Strict", "", text)
	s := served{status: status}
	if err != nil {
		return s, err
	}
	if s.accepted() {
		s.object = answer
		return s, nil
	}
	var refusal struct {
		Message string
		Details struct{ Causes []cause }
	}
	if err := json.Unmarshal([]byte(answer), &refusal); err != nil {
		return s, fmt.Errorf("%w in %s", err, answer)
	}
	s.message, s.causes = refusal.Message, refusal.Details.Causes
	for _, field := range unknownField.FindAllStringSubmatch(s.message, -1) {
		s.causes = append(s.causes, cause{Reason: "FieldValueInvalid", Message: field[0], Field: field[1]})
	}
	return s, nil
}

// compared is a case that we and the server have judged.
type compared struct {
	manifest
	ours     judged
	theirs   served
	problems []string
}

func (k apiServer) compare(ctx context.Context, m manifest) compared {
	if meta, ok := m.tree["metadata"].(object); ok && m.kind.Namespaced() {
		// To etcd a namespace is any text; to Kubernetes it is an object, of its own rules.
		meta["namespace"] = serverNamespace
	}
	text := m.String()
	c := compared{manifest: m, ours: judge(serverRelease, m.kind, text)}
	var err error
	if c.ours.decodeError == nil {
		text, err = sentByClient(m.kind, text)
	}
	if err == nil {
		c.theirs, err = k.create(ctx, m.kind, text)
	}
	if err != nil {
		c.problems = []string{err.Error()}
		return c
	}
	c.problems = serverDisagreements(c.manifest, c.ours, c.theirs)
	return c
}

func (c compared) String() string {
	return fmt.Sprintf("%s:\n  %s\nmanifest:   %s\nKubernetes: %s\nours:       %s", c.kind, strings.Join(c.problems, "\n  "), brief(c.manifest.String()), c.theirs, c.ours)
}

// TestDifferentialKubernetes gives random manifests, and the cases that are written by
// hand, to a real kube-apiserver with the CRDs and admission policies of v3.32.1, and
// to our rules for v3.32.1. Both must accept them and fill in the same; or reject them
// for the same fields (serverDisagreements says what that means).
func TestDifferentialKubernetes(t *testing.T) {
	t.Parallel()
	seed := environmentNumber(t, "CALICO_FUZZ_SEED", defaultSeed)
	first := environmentNumber(t, "CALICO_FUZZ_FIRST", 0)
	kinds := slices.DeleteFunc(kindsOf(serverRelease), func(k generatedKind) bool { return !hasCRD(k.kind) })
	defaultCases := uint64(casesOfShare * shares(kindsOf(serverRelease)))
	cases := environmentNumber(t, "CALICO_FUZZ_CASES", defaultCases)
	count := max(1, cases/slower)
	k := apiServer{acctest.NewKubernetes(t, acctest.WithCRDs(acctest.NativeCRDs))}

	for _, c := range slices.Concat(namedCases(), namedCasesOfKinds(), namedCasesOfPlainKinds()) {
		if m := c.manifest(t); hasCRD(m.kind) {
			if compared := k.compare(t.Context(), m); len(compared.problems) > 0 {
				t.Errorf("%s, %s", c.name, compared)
			}
		}
	}

	start := time.Now()
	all := serverTally{rows: map[calico.Kind]*serverVerdicts{}}
	var group sync.WaitGroup
	for i := range uint64(askers) {
		group.Go(func() {
			for number := first + i; number < first+count; number += askers {
				m := generate(serverRelease, seed, number)
				if !hasCRD(m.kind) {
					continue
				}
				if c := k.compare(t.Context(), m); all.add(c) {
					t.Errorf("CALICO_FUZZ_SEED=%d CALICO_FUZZ_FIRST=%d CALICO_FUZZ_CASES=1, %s %s", seed, number, m.strength, c)
				}
			}
		})
	}
	group.Wait()
	t.Logf("%s, seed %d, cases %d to %d, %s:\n%s", serverRelease, seed, first, first+count-1, time.Since(start).Round(time.Second/10), &all)
	if all.disagreements > enough {
		t.Errorf("%d disagreements in all", all.disagreements)
	}
	if cases >= defaultCases {
		all.check(t, kinds)
	}
}

// serverTally counts verdicts, as the proof that the run was worth its time.
type serverTally struct {
	sync.Mutex
	rows          map[calico.Kind]*serverVerdicts
	disagreements int
}

// serverVerdicts are those of one kind: accepted and refused by both, and refused only
// by rules that are known to be those of one side alone.
type serverVerdicts struct{ accepted, refused, byClient, byServer, disagreed int }

// add counts a case, and tells whether it is to be shown.
func (a *serverTally) add(c compared) bool {
	a.Lock()
	defer a.Unlock()
	row := a.rows[c.kind]
	if row == nil {
		row = &serverVerdicts{}
		a.rows[c.kind] = row
	}
	switch ours := c.ours.decodeError == nil && len(withoutStricter(serverRelease, c.ours)) == 0; {
	case len(c.problems) > 0:
		row.disagreed++
		a.disagreements++
		return a.disagreements <= enough
	case ours && c.theirs.accepted():
		row.accepted++
	case c.theirs.accepted():
		row.byClient++
	case ours:
		row.byServer++
	default:
		row.refused++
	}
	return false
}

func (a *serverTally) String() string {
	var b strings.Builder
	for _, k := range generatedKinds {
		if row := a.rows[k.kind]; row != nil {
			fmt.Fprintf(&b, "  %-28s accepted by both %6d, refused by both %6d, by Calico's client alone %5d, by Kubernetes alone %4d, disagreements %d\n",
				k.kind, row.accepted, row.refused, row.byClient, row.byServer, row.disagreed)
		}
	}
	return b.String()
}

// check fails the test if the cases are too one-sided to prove anything.
func (a *serverTally) check(t *testing.T, kinds []generatedKind) {
	t.Helper()
	for _, k := range kinds {
		if row := a.rows[k.kind]; row == nil || row.accepted < fewestOnServer*k.share || row.refused < fewestOnServer*k.share {
			t.Errorf("%s: too few cases of one verdict: %+v", k.kind, row)
		}
	}
}
