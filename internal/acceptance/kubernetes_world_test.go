package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider"
)

// cluster is an API server with the CRDs of a release. It is started when a test first
// needs it, and then all tests of this package share it: to start one takes seconds.
type cluster struct {
	crds    acctest.CalicoCRDs
	release string
	// minor is that of the release: 28 for v3.28.5.
	minor int
	// native is true if objects are kept as they are, and not in the API group
	// crd.projectcalico.org.
	native bool
	// aggregated is true if the provider goes through Calico's own API server, which shows
	// them as they are and keeps them as the release does.
	aggregated bool

	start sync.Once
	// needs is for who puts what several tests need.
	needs sync.Mutex
	api   *acctest.Kubernetes

	// turns has a lock for each kind, which a test that writes objects of the kind has for
	// itself, and others that need some of them share.
	turns map[calico.Kind]*sync.RWMutex
}

// newKubernetesWorld returns what makes worlds in the cluster of the CRDs.
func newKubernetesWorld(crds acctest.CalicoCRDs) newWorld {
	release, form, _ := strings.Cut(string(crds), " ")
	c := &cluster{crds: crds, release: release, native: form == "native", aggregated: form == "aggregated", turns: map[calico.Kind]*sync.RWMutex{}}
	if _, err := fmt.Sscanf(release, "v3.%d.", &c.minor); err != nil {
		panic(err)
	}
	for _, kind := range calico.Kinds() {
		c.turns[kind] = &sync.RWMutex{}
	}
	return func(t *testing.T, contents contents) world { return c.world(t, contents) }
}

// world waits for its turn, and makes a world without objects of the kinds that the test
// writes. What it needs stays there for the next one.
func (c *cluster) world(t *testing.T, contents contents) kubernetesWorld {
	t.Helper()
	acctest.Starts(t)
	w := kubernetesWorld{c}
	c.start.Do(func() { w.startServer(t) })
	if c.api == nil {
		t.Fatal("there is no API server: the test that was to start it tells why")
	}
	needed := map[calico.Kind][]string{}
	for _, object := range contents.needs {
		kind := idOf(t, object).Kind
		needed[kind] = append(needed[kind], object)
	}
	// In one order, so that no two tests wait for each other.
	for _, kind := range calico.Kinds() {
		switch {
		case slices.Contains(contents.kinds, kind):
			c.turns[kind].Lock()
			t.Cleanup(c.turns[kind].Unlock)
			w.clear(t, kind)
			t.Cleanup(func() { w.clear(t, kind) })
		case needed[kind] != nil:
			c.turns[kind].RLock()
			t.Cleanup(c.turns[kind].RUnlock)
		}
		for _, object := range needed[kind] {
			w.putNeeded(t, object)
		}
	}
	return w
}

// kubernetesWorld is a cluster, and the provider with the rights that the documentation
// has. It knows of itself how Calico keeps an object there, and takes nothing of that from
// the provider.
type kubernetesWorld struct{ *cluster }

// startServer starts the API server, and puts there what Calico has after its first start.
func (w kubernetesWorld) startServer(t *testing.T) {
	t.Helper()
	k, err := acctest.StartKubernetes(context.WithoutCancel(t.Context()), acctest.WithCRDs(w.crds))
	if err != nil {
		t.Fatal(err)
	}
	acctest.AtEnd(k.Close)
	k.GrantAccess(t)
	k.MustDo(t, http.MethodPost, "/api/v1/namespaces", "", `{"metadata":{"name":"production"}}`)
	w.api = k
	w.put(t, `{"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},"spec":{"calicoVersion":"`+w.release+`","clusterType":"kdd","datastoreReady":true}}`)
	if w.minor >= 29 {
		w.put(t, `{"kind":"Tier","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},"spec":{"order":1000000,"defaultAction":"Deny"}}`)
	}
}

// clear removes all objects of a kind but those that Calico has made.
func (w kubernetesWorld) clear(t *testing.T, kind calico.Kind) {
	t.Helper()
	for id := range w.versions(t, kind) {
		if id != (calico.ID{Kind: calico.KindTier, Name: "default"}) {
			w.remove(t, id)
		}
	}
}

func (w kubernetesWorld) provider(arguments ...string) string {
	to := []string{acctest.Text("config_path", w.api.Config)}
	if w.aggregated {
		to = append(to, acctest.Text("api_group", "projectcalico.org/v3"))
	}
	return acctest.ProviderBlock(append(arguments, acctest.Block("kubernetes", to...))...)
}

func (w kubernetesWorld) workspace(t *testing.T, cli acctest.CLI, configuration ...string) *acctest.Workspace {
	t.Helper()
	return acctest.NewWorkspaceWith(t, cli, map[string]string{"main.tf": acctest.WithProviders(configuration...)})
}

func (w kubernetesWorld) server() (tfprotov6.ProviderServer, error) {
	return provider.Server("test")(), nil
}

// do asks the API server, also when the test is about to end.
func (w kubernetesWorld) do(t *testing.T, method, path, body string) (status int, answer string) {
	t.Helper()
	status, answer, err := w.api.Do(context.WithoutCancel(t.Context()), method, path, "", body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return status, answer
}

// found returns what is stored of an object; nil for nothing.
func (w kubernetesWorld) found(t *testing.T, id calico.ID) fields {
	t.Helper()
	status, answer := w.do(t, http.MethodGet, w.path(id), "")
	switch status {
	case http.StatusOK:
		return parse(t, answer)
	case http.StatusNotFound:
		return nil
	default:
		t.Fatalf("%s: %d: %s", w.path(id), status, answer)
		return nil
	}
}

// send stores an object; it tells what the API server says if it does not take it.
func (w kubernetesWorld) send(t *testing.T, object, query string) (refusal string) {
	t.Helper()
	id := idOf(t, object)
	body := w.wrap(parse(t, object))
	metadata := part(body, "metadata")
	method, path := http.MethodPost, w.collection(id.Kind, id.Namespace)
	if now := w.found(t, id); now != nil {
		metadata["resourceVersion"] = part(now, "metadata")["resourceVersion"]
		method, path = http.MethodPut, w.path(id)
		if id.Kind == calico.KindNode {
			part(now, "metadata")["annotations"] = metadata["annotations"]
			body = now
		}
	}
	status, answer := w.do(t, method, path+query, write(t, body))
	if status != http.StatusOK && status != http.StatusCreated {
		return fmt.Sprintf("%d: %s", status, answer)
	}
	return ""
}

func (w kubernetesWorld) put(t *testing.T, object string) {
	t.Helper()
	if refusal := w.send(t, object, "?fieldValidation=Strict"); refusal != "" {
		t.Fatalf("the API server does not take %s: %s", object, refusal)
	}
}

// putNeeded stores an object that several tests may need, once.
func (w kubernetesWorld) putNeeded(t *testing.T, object string) {
	t.Helper()
	w.needs.Lock()
	defer w.needs.Unlock()
	if w.found(t, idOf(t, object)) == nil {
		w.put(t, object)
	}
}

func (w kubernetesWorld) refuses(t *testing.T, object string) (why string) {
	t.Helper()
	return w.send(t, object, "?fieldValidation=Strict&dryRun=All")
}

func (w kubernetesWorld) get(t *testing.T, id calico.ID) string {
	t.Helper()
	stored := w.found(t, id)
	if stored == nil {
		return ""
	}
	object := w.unwrap(t, id, parse(t, write(t, stored)))
	if id.Kind == calico.KindNode {
		return write(t, object) // of which Kubernetes and calico-node know more
	}
	// Who writes an object last writes the text of its metadata in his own order.
	readable := func(stored fields) fields {
		metadata := part(stored, "metadata")
		for _, key := range serversOwn {
			delete(metadata, key)
		}
		if annotations := part(metadata, "annotations"); annotations[nameAnnotation] != nil {
			inner := parse(t, fmt.Sprint(annotations[nameAnnotation]))
			if w.aggregated {
				delete(inner, "managedFields") // which Calico's API server keeps there
			}
			annotations[nameAnnotation] = inner
		}
		dropEmpty(metadata, "labels", "annotations")
		return stored
	}
	if diff := gocmp.Diff(readable(parse(t, write(t, w.wrap(parse(t, write(t, object)))))), readable(stored)); diff != "" {
		t.Errorf("%s is not as Calico %s keeps it (-want +got):\n%s", w.path(id), w.crds, diff)
	}
	return write(t, object)
}

func (w kubernetesWorld) remove(t *testing.T, id calico.ID) {
	t.Helper()
	if status, answer := w.do(t, http.MethodDelete, w.path(id), ""); status != http.StatusOK {
		t.Fatalf("%s is not removed: %d: %s", w.path(id), status, answer)
	}
}

func (w kubernetesWorld) versions(t *testing.T, kind calico.Kind) map[calico.ID]string {
	t.Helper()
	status, answer := w.do(t, http.MethodGet, w.collection(kind, ""), "")
	if status != http.StatusOK {
		t.Fatalf("%s: %d: %s", w.collection(kind, ""), status, answer)
	}
	var list struct {
		Items []struct {
			Metadata struct{ Name, Namespace, ResourceVersion string }
		}
	}
	if err := json.Unmarshal([]byte(answer), &list); err != nil {
		t.Fatal(err)
	}
	versions := map[calico.ID]string{}
	for _, item := range list.Items {
		name := item.Metadata.Name
		if w.prefixes(kind) {
			name = strings.TrimPrefix(name, "default.")
		}
		versions[calico.ID{Kind: kind, Namespace: item.Metadata.Namespace, Name: name}] = item.Metadata.ResourceVersion
	}
	return versions
}

func (w kubernetesWorld) where(id calico.ID) string {
	group, name := w.group(id.Kind), w.storedName(id)
	if w.aggregated && id.Kind != calico.KindNode {
		group, name = "projectcalico.org/v3", id.Name
	}
	where := group + "/" + pluralOf(id.Kind) + "/"
	if id.Namespace != "" {
		where += id.Namespace + "/"
	}
	return where + name
}

// group is the API group of a kind, with its version.
func (w kubernetesWorld) group(kind calico.Kind) string {
	switch {
	case kind == calico.KindNode:
		return "v1"
	case w.native:
		return "projectcalico.org/v3"
	default:
		return "crd.projectcalico.org/v1"
	}
}

// collection is the path of the objects of a kind, in a namespace if that is given.
func (w kubernetesWorld) collection(kind calico.Kind, namespace string) string {
	path := "/apis/" + w.group(kind) + "/"
	if kind == calico.KindNode {
		path = "/api/v1/"
	}
	if namespace != "" {
		path += "namespaces/" + namespace + "/"
	}
	return path + pluralOf(kind)
}

func (w kubernetesWorld) path(id calico.ID) string {
	return w.collection(id.Kind, id.Namespace) + "/" + w.storedName(id)
}
