package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// calicoAPI is the part of the API server in which Calico keeps its objects.
type calicoAPI struct {
	group, version string
	// aggregated is true if Calico's own API server serves it: then it lists no kind at an
	// earlier moment, and names policies as its release does.
	aggregated bool
	// serves has the kinds that it serves, by their plural.
	serves map[string]bool
	// newSchemas is true if the CustomResourceDefinitions are those of v3.32 or later: they
	// may be newer than Calico is.
	newSchemas bool
	// leavesEmptyOut is true from v3.32 on: see withoutEmptyEntities.
	leavesEmptyOut bool
}

// wrapped tells whether objects are in the form of GroupV1.
func (a calicoAPI) wrapped() bool { return a.groupVersion() == GroupV1 }

func (a calicoAPI) groupVersion() string { return a.group + "/" + a.version }

// location is where an object is stored, or a kind if there is no name.
func (a calicoAPI) location(kind calico.Kind, namespace, name string) location {
	if kind == calico.KindNode {
		return location{version: "v1", plural: kind.Plural(), name: name}
	}
	return location{a.group, a.version, kind.Plural(), namespace, name}
}

// facts is what the cluster tells of Calico.
type facts struct {
	calicoAPI
	finding datastore.ReleaseFinding
	release calico.Release
}

// naming is how policies are named where the provider sees them. Calico's API server shows
// each under the name that its user gave it, however its release stores it.
func (f *facts) naming() storage.Naming {
	if f.aggregated {
		return storage.NamingPlain
	}
	return storage.NamingOf(f.release)
}

// clusterInformation is what Calico tells of itself.
var clusterInformation = calico.ID{Kind: calico.KindClusterInformation, Name: "default"}

// Release tells the release of Calico; see datastore.Store.
func (s *Store) Release(ctx context.Context) (datastore.ReleaseFinding, error) {
	f, err := s.facts(ctx)
	if err != nil {
		return datastore.ReleaseFinding{}, err
	}
	return f.finding, nil
}

// Locked tells whether the datastore may be written to now; see datastore.Store.
func (s *Store) Locked(ctx context.Context) (string, error) {
	s.found.Forget()
	finding, err := s.Release(ctx)
	return finding.Locked, err
}

// facts returns what the cluster tells of Calico, which is read once.
func (s *Store) facts(ctx context.Context) (*facts, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	f, err := s.found.Get(ctx, s.readFacts)
	return f, s.overdue(ctx, err)
}

// overdue says that there was no answer if a wait for another's request has ended with ctx.
func (s *Store) overdue(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return s.unavailable(ctx, err)
	}
	return err
}

func (s *Store) readFacts(ctx context.Context) (*facts, error) {
	a, locked, err := s.detect(ctx)
	if err != nil {
		return nil, err
	}
	f := &facts{calicoAPI: a}
	var version string
	body, err := s.send(ctx, request{operation: "detect", method: http.MethodGet, at: a.location(clusterInformation.Kind, "", clusterInformation.Name)})
	switch {
	case is(err, metav1.StatusReasonNotFound):
	case err != nil:
		return nil, s.explainRead(err)
	default:
		stored, err := s.read(f, clusterInformation.Kind, body)
		if err != nil {
			return nil, err
		}
		if info, ok := stored.Object.(*v3.ClusterInformation); ok {
			version = info.Spec.CalicoVersion
			if info.Spec.DatastoreReady != nil && !*info.Spec.DatastoreReady {
				locked = datastore.NotReady(stored.Where)
			}
		}
	}
	release, because := a.evidence(version)
	f.finding = datastore.ReleaseFinding{Release: release, Evidence: because, Locked: locked}
	if given := s.options.Release; given != nil {
		f.finding = datastore.ReleaseFinding{Release: *given, Evidence: "calico_version of the provider configuration", Locked: locked}
		if storage.NamingOf(release) != storage.NamingOf(*given) {
			f.finding.Configured, f.finding.Contradiction = *given, fmt.Sprintf("%s tells %s", because, release)
		}
	}
	if !a.wrapped() && !a.aggregated && !f.finding.Release.AtLeast(3, 32, 0) {
		// No release before v3.32 keeps its objects there. (ClusterInformation tells an older
		// one until an upgrade has come that far.)
		group := "the API group " + GroupNative
		if given := s.options.Release; given != nil {
			f.finding.Configured, f.finding.Contradiction = *given, fmt.Sprintf("%s tells %s", group, native)
		}
		f.finding.Release, f.finding.Evidence = native, group+", in which Calico keeps its objects from v3.32 on"
	}
	f.release = f.finding.Release
	f.leavesEmptyOut = f.release.AtLeast(3, 32, 0)
	return f, nil
}

// native is the first release that keeps its objects in GroupNative.
var native = calico.Release{Major: 3, Minor: 32, Patch: 0}

// evidence tells the release: from calicoVersion, or from the kinds that the release's
// CustomResourceDefinitions have. (These are installed before Calico itself is upgraded,
// so calicoVersion tells more.)
func (a calicoAPI) evidence(calicoVersion string) (calico.Release, string) {
	if calicoVersion != "" {
		if r, err := calico.ParseRelease(calicoVersion); err == nil {
			return r, fmt.Sprintf("calicoVersion %q of ClusterInformation \"default\"", calicoVersion)
		}
	}
	last := func(minor int) calico.Release {
		r, err := calico.ParseRelease(fmt.Sprintf("3.%d", minor))
		if err != nil {
			panic(err) // a release of that form always parses
		}
		return r
	}
	switch {
	case !a.wrapped() && !a.aggregated:
		return last(32), "the API group " + GroupNative + ", in which Calico keeps its objects from v3.32 on"
	case !a.serves[calico.KindTier.Plural()]:
		return last(28), "the CustomResourceDefinitions, which have no tiers, as up to v3.28"
	case !a.serves[calico.KindStagedGlobalNetworkPolicy.Plural()]:
		return last(29), "the CustomResourceDefinitions, which have tiers and no staged policies, as in v3.29"
	case a.newSchemas:
		return last(32), "the CustomResourceDefinitions, which have a status of KubeControllersConfiguration apart, as from v3.32 on"
	default:
		return last(31), "the CustomResourceDefinitions, which have staged policies, as in v3.30 and v3.31"
	}
}

// detect finds the API group in which Calico keeps its objects. locked is where it is said
// that they must not be written now; empty if they may be.
func (s *Store) detect(ctx context.Context) (a calicoAPI, locked string, err error) {
	var groups metav1.APIGroupList
	if err := s.getJSON(ctx, "/apis", &groups); err != nil {
		return calicoAPI{}, "", err
	}
	s.welcome.Store(true)
	var served []string
	for _, g := range groups.Groups {
		for _, v := range g.Versions {
			served = append(served, v.GroupVersion)
		}
	}
	group := s.cfg.APIGroup
	switch v1, v3 := slices.Contains(served, GroupV1), slices.Contains(served, GroupNative); {
	case group != "" && !slices.Contains(served, group):
		return calicoAPI{}, "", fmt.Errorf("kubernetes.api_group (or CALICO_API_GROUP) is %q, which %s does not serve. Of Calico's API groups it serves: %s", group, s, ofCalico(served))
	case group != "":
	case v1 && v3:
		if group, locked, err = s.liveGroup(ctx); err != nil {
			return calicoAPI{}, "", err
		}
	case v1:
		group = GroupV1
	case v3:
		group = GroupNative
	default:
		return calicoAPI{}, "", fmt.Errorf("there is no Calico in this cluster: %s serves neither %s nor %s. Install Calico (its CustomResourceDefinitions are enough to begin with), or name the right cluster in the block kubernetes of the provider", s, GroupV1, GroupNative)
	}
	a.group, a.version, _ = strings.Cut(group, "/")
	if a.serves, err = s.resources(ctx, group); err != nil {
		return calicoAPI{}, "", err
	}
	// Calico's API server has profiles, which are no objects of their own anywhere else.
	a.aggregated = !a.wrapped() && a.serves[calico.KindProfile.Plural()]
	defined := a.serves
	if a.aggregated {
		// It keeps its objects in the other group (or in etcd), where they are filled in.
		defined = nil
		if slices.Contains(served, GroupV1) {
			if defined, err = s.resources(ctx, GroupV1); err != nil {
				return calicoAPI{}, "", err
			}
		}
	}
	a.newSchemas = !a.wrapped() && !a.aggregated || defined[calico.KindKubeControllersConfiguration.Plural()+"/status"]
	return a, locked, nil
}

// resources tells which resources an API group serves.
func (s *Store) resources(ctx context.Context, group string) (map[string]bool, error) {
	var list metav1.APIResourceList
	if err := s.getJSON(ctx, "/apis/"+group, &list); err != nil {
		return nil, err
	}
	served := map[string]bool{}
	for _, r := range list.APIResources {
		served[r.Name] = true
	}
	return served, nil
}

// ofCalico lists Calico's groups among those that are served.
func ofCalico(served []string) string {
	var names []string
	for _, g := range served {
		if g == GroupV1 || g == GroupNative {
			names = append(names, g)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

// migration is Calico's move of all objects from GroupV1 to GroupNative.
type migration struct {
	Metadata meta `json:"metadata"`
	Status   struct {
		Phase string `json:"phase"`
	} `json:"status"`
}

// phases tell, by the names of a migration's phases, with which group Calico works then, and
// whether nothing is to be written. (It has none at its very beginning.) The guide to
// Kubernetes has the same table.
var phases = map[string]struct {
	group  string
	locked bool
}{
	"":                             {group: GroupV1},
	"Pending":                      {group: GroupV1},
	"Failed":                       {group: GroupV1},
	"Migrating":                    {group: GroupV1, locked: true},
	"WaitingForConflictResolution": {group: GroupV1, locked: true},
	"Converged":                    {group: GroupNative},
	"Complete":                     {group: GroupNative},
}

// liveGroup tells which of both groups, if both are served, Calico works with, and whether
// it is on its way from one to the other. Calico's own clients take GroupV1 there, which is
// dead after a migration until its definitions are removed.
func (s *Store) liveGroup(ctx context.Context) (group, locked string, err error) {
	undecided := func(what string, err error) error {
		return fmt.Errorf("this cluster serves both %s and %s, and it cannot be told in which of them Calico keeps its objects: %s cannot be read (%w). Set kubernetes.api_group (or CALICO_API_GROUP) to one of them", GroupV1, GroupNative, what, err)
	}
	var service struct {
		Spec struct {
			Service *struct{} `json:"service"`
		} `json:"spec"`
	}
	if err := s.getJSON(ctx, "/apis/apiregistration.k8s.io/v1/apiservices/v3.projectcalico.org", &service); err != nil {
		if denied(err) == nil {
			return "", "", err
		}
		// Every user may see what is served: only Calico's API server has profiles.
		served, listErr := s.resources(ctx, GroupNative)
		if listErr != nil {
			return "", "", undecided("the APIService v3.projectcalico.org", denied(err))
		}
		if served[calico.KindProfile.Plural()] {
			return GroupV1, "", nil
		}
	}
	if service.Spec.Service != nil {
		return GroupV1, "", nil // Calico's API server, which keeps its objects there
	}
	var migrations struct {
		Items []migration `json:"items"`
	}
	err = s.getJSON(ctx, "/apis/migration.projectcalico.org/v1beta1/datastoremigrations", &migrations)
	var answer *answerError
	switch {
	case errors.As(err, &answer) && answer.code == http.StatusNotFound:
		return GroupV1, "", nil // there was never a migration
	case denied(err) != nil:
		return "", "", undecided("datastoremigrations.migration.projectcalico.org", denied(err))
	case err != nil:
		return "", "", err
	}
	group = GroupV1
	for _, m := range migrations.Items {
		where := location{"migration.projectcalico.org", "v1beta1", "datastoremigrations", "", m.Metadata.Name}
		phase, known := phases[m.Status.Phase]
		switch {
		case !known:
			return "", "", fmt.Errorf("this cluster serves both %s and %s, and %s is in the phase %q, which this provider does not know. Set kubernetes.api_group (or CALICO_API_GROUP) to the group in which Calico keeps its objects now", GroupV1, GroupNative, where, safetext.Line(m.Status.Phase))
		case phase.locked:
			locked = fmt.Sprintf("Calico's objects are being moved from %s to %s: %s is in the phase %s. Look at it with `kubectl get datastoremigrations.migration.projectcalico.org`.", GroupV1, GroupNative, where, m.Status.Phase)
		case phase.group != GroupV1:
			group = phase.group
		}
	}
	return group, locked, nil
}

// denied returns the error if it says that the user may not do something, and nil if not.
func denied(err error) *datastore.DeniedError {
	var d *datastore.DeniedError
	if errors.As(err, &d) && d.Reason == datastore.DeniedPermission {
		return d
	}
	return nil
}

// getJSON reads what is at a path.
func (s *Store) getJSON(ctx context.Context, path string, into any) error {
	body, err := s.send(ctx, request{operation: "detect", method: http.MethodGet, path: path, at: location{name: path}})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s answers %s with something that is no JSON of the API of Kubernetes: %w", s, path, err)
	}
	return nil
}

// explainRead turns an answer to a read that says more than that nothing is there into an
// error for people.
func (s *Store) explainRead(err error) error {
	var answer *answerError
	if !errors.As(err, &answer) {
		return err
	}
	return fmt.Errorf("%s answers with status %d: %s", s, answer.code, safetext.Line(answer.status.Message))
}

// lockLooks is how long writes rely on a look whether the datastore is locked.
const lockLooks = 30 * time.Second

// writable waits until the datastore is not locked, as long as ctx lasts.
func (s *Store) writable(ctx context.Context) (*facts, error) {
	var f *facts
	err := s.lock.Until(ctx, func() (string, error) {
		if f != nil {
			s.found.Forget()
		}
		var err error
		if f, err = s.facts(ctx); err != nil {
			return "", err
		}
		return f.finding.Locked, nil
	})
	return f, err
}
