package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
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
	release, _, native := strings.Cut(string(crds), " ")
	c := &cluster{crds: crds, release: release, native: native, turns: map[calico.Kind]*sync.RWMutex{}}
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
	return acctest.ProviderBlock(append(arguments, acctest.Block("kubernetes", acctest.Text("config_path", w.api.Config)))...)
}

func (w kubernetesWorld) workspace(t *testing.T, cli acctest.CLI, configuration ...string) *acctest.Workspace {
	t.Helper()
	return acctest.NewWorkspaceWith(t, cli, map[string]string{"main.tf": acctest.WithProviders(configuration...)})
}

func (w kubernetesWorld) server() (tfprotov6.ProviderServer, error) {
	return providerserver.NewProtocol6WithError(provider.New("test")())()
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
			annotations[nameAnnotation] = parse(t, fmt.Sprint(annotations[nameAnnotation]))
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
	where := w.group(id.Kind) + "/" + pluralOf(id.Kind) + "/"
	if id.Namespace != "" {
		where += id.Namespace + "/"
	}
	return where + w.storedName(id)
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

// tiered tells the kinds whose objects belong to a tier.
func tiered(kind calico.Kind) bool { return strings.HasSuffix(string(kind), "Policy") }

// prefixes tells whether the tier is a part of the name that an object of the kind is
// stored under.
func (w kubernetesWorld) prefixes(kind calico.Kind) bool { return tiered(kind) && w.minor < 32 }

func (w kubernetesWorld) storedName(id calico.ID) string {
	// In another tier its name begins with that.
	if w.prefixes(id.Kind) && !strings.Contains(id.Name, ".") {
		return "default." + id.Name
	}
	return id.Name
}

// serversOwn are what the API server writes into metadata.
var serversOwn = []string{"uid", "creationTimestamp", "generation", "resourceVersion", "managedFields"}

// calicosRunning is what Calico before v3.32 writes of a KubeControllersConfiguration that
// nothing runs by yet.
var calicosRunning = fields{"runningConfig": fields{"controllers": fields{}}}

// wrap makes of an object what Calico sends to the API server, with what the server adds
// to its spec.
func (w kubernetesWorld) wrap(object fields) fields {
	kind := calico.Kind(fmt.Sprint(object["kind"]))
	metadata, spec := part(object, "metadata"), part(object, "spec")
	if kind == calico.KindNode {
		return wrapNode(object)
	}
	object["apiVersion"] = w.group(kind)
	labels, annotations := part(metadata, "labels"), part(metadata, "annotations")
	made, name := metadata["creationTimestamp"], metadata["name"]
	for _, key := range serversOwn {
		delete(metadata, key)
	}
	if tiered(kind) && w.minor >= 29 {
		tier := spec["tier"]
		if tier == nil {
			tier = "default"
		}
		switch {
		case w.minor >= 32:
			spec["tier"], labels[tierLabel] = tier, tier
		case tier == "default":
			delete(spec, "tier")
		default:
			labels[tierLabel] = tier
		}
	}
	for _, rule := range rulesOf(kind, spec) {
		if w.minor < 32 {
			part(rule, "source")
			part(rule, "destination")
		}
	}
	switch kind {
	case calico.KindKubeControllersConfiguration:
		if w.minor < 32 {
			object["status"] = calicosRunning
		}
	case calico.KindFelixConfiguration:
		if spec["bpfLogLevel"] == nil {
			spec["bpfLogLevel"] = ""
		}
	default:
	}
	metadata["name"] = w.storedName(calico.ID{Kind: kind, Name: fmt.Sprint(name)})
	if !w.native {
		inner := fields{"creationTimestamp": made, "labels": maps.Clone(labels), "annotations": maps.Clone(annotations)}
		if made == nil {
			inner["creationTimestamp"] = time.Now().UTC().Format(time.RFC3339)
		}
		if tiered(kind) && w.minor >= 29 {
			inner["name"] = name
		}
		dropEmpty(inner, "labels", "annotations")
		for _, all := range []fields{labels, annotations} {
			maps.DeleteFunc(all, func(key string, _ any) bool { return !strings.Contains(key, "projectcalico.org/") })
		}
		text, err := json.Marshal(inner)
		if err != nil {
			panic(err)
		}
		annotations[nameAnnotation] = string(text)
	}
	dropEmpty(metadata, "labels", "annotations")
	return object
}

// unwrap is the reverse of wrap. What Calico adds is checked by wrapping the object again.
func (w kubernetesWorld) unwrap(t *testing.T, id calico.ID, stored fields) fields {
	t.Helper()
	if id.Kind == calico.KindNode {
		return unwrapNode(t, stored)
	}
	metadata, spec := part(stored, "metadata"), part(stored, "spec")
	stored["apiVersion"] = "projectcalico.org/v3"
	metadata["name"] = id.Name
	for _, key := range []string{"generation", "resourceVersion", "managedFields"} {
		delete(metadata, key)
	}
	if !w.native {
		text, _ := part(metadata, "annotations")[nameAnnotation].(string)
		if text == "" {
			t.Errorf("%s has no annotation %s", w.path(id), nameAnnotation)
			text = "{}"
		}
		inner := parse(t, text)
		if made := fmt.Sprint(inner["creationTimestamp"]); !timeForm.MatchString(made) {
			t.Errorf("%s was created at %q, says its annotation %s", w.path(id), made, text)
		}
		metadata["creationTimestamp"], metadata["labels"], metadata["annotations"] = inner["creationTimestamp"], part(inner, "labels"), part(inner, "annotations")
	}
	if tiered(id.Kind) {
		delete(part(metadata, "labels"), tierLabel)
		if spec["tier"] == nil && w.minor >= 29 {
			spec["tier"] = "default"
		}
	}
	dropEmpty(metadata, "labels", "annotations")
	for _, rule := range rulesOf(id.Kind, spec) {
		dropEmpty(rule, "source", "destination")
	}
	if spec["bpfLogLevel"] == "" {
		delete(spec, "bpfLogLevel")
	}
	if id.Kind == calico.KindKubeControllersConfiguration {
		delete(stored, "status")
	}
	return stored
}

// nodeAnnotations are the annotations of a Node of Kubernetes in which Calico keeps what
// it knows of the node, by the fields of its own Node. What is no text is there as JSON.
var nodeAnnotations = map[string]string{
	"metadata.labels":                     "labels",
	"metadata.annotations":                "annotations",
	"spec.bgp.asNumber":                   "ASNumber",
	"spec.bgp.ipv4Address":                "IPv4Address",
	"spec.bgp.ipv6Address":                "IPv6Address",
	"spec.bgp.ipv4IPIPTunnelAddr":         "IPv4IPIPTunnelAddr",
	"spec.bgp.routeReflectorClusterID":    "RouteReflectorClusterID",
	"spec.ipv4VXLANTunnelAddr":            "IPv4VXLANTunnelAddr",
	"spec.ipv6VXLANTunnelAddr":            "IPv6VXLANTunnelAddr",
	"spec.vxlanTunnelMACAddr":             "VXLANTunnelMACAddr",
	"spec.vxlanTunnelMACAddrV6":           "VXLANTunnelMACAddrV6",
	"spec.wireguard.interfaceIPv4Address": "IPv4WireguardInterfaceAddr",
	"spec.wireguard.interfaceIPv6Address": "IPv6WireguardInterfaceAddr",
	"spec.interfaces":                     "Interfaces",
}

// wrapNode makes a Node of Kubernetes of one of Calico's.
func wrapNode(node fields) fields {
	annotations := fields{}
	for path, name := range nodeAnnotations {
		value := any(node)
		for step := range strings.SplitSeq(path, ".") {
			inner, _ := value.(fields)
			value = inner[step]
		}
		if text, ok := value.(string); ok {
			annotations["projectcalico.org/"+name] = text
		} else if value != nil {
			text, err := json.Marshal(value)
			if err != nil {
				panic(err)
			}
			annotations["projectcalico.org/"+name] = string(text)
		}
	}
	return fields{"kind": "Node", "apiVersion": "v1", "metadata": fields{"name": part(node, "metadata")["name"], "annotations": annotations}}
}

// unwrapNode is the reverse of wrapNode.
func unwrapNode(t *testing.T, stored fields) fields {
	t.Helper()
	metadata := part(stored, "metadata")
	node := fields{"kind": "Node", "apiVersion": "projectcalico.org/v3", "metadata": fields{"name": metadata["name"], "uid": metadata["uid"], "creationTimestamp": metadata["creationTimestamp"]}}
	for path, name := range nodeAnnotations {
		text, ok := part(metadata, "annotations")["projectcalico.org/"+name].(string)
		if !ok {
			continue
		}
		steps := strings.Split(path, ".")
		in := node
		for _, step := range steps[:len(steps)-1] {
			in = part(in, step)
		}
		in[steps[len(steps)-1]] = text
		var value any
		if err := json.Unmarshal([]byte(text), &value); err == nil {
			in[steps[len(steps)-1]] = value
		}
	}
	return node
}
