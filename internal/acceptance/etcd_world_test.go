package acceptance

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider"
)

// etcdWorld is an etcd, and the provider as it is built for a user. It knows of itself
// how Calico stores an object there, and takes nothing of that from the provider. The
// rows of policies are of v3.32, which stores them under their own names: how releases
// before name them is what the conformance and upgrade tests are about.
type etcdWorld struct {
	*acctest.Etcd
	release string
}

func newEtcdWorld(t *testing.T, c contents) etcdWorld {
	t.Helper()
	w := etcdWorld{acctest.NewEtcd(t, acctest.WithCalico(c.release)), c.release}
	for _, object := range c.needs {
		w.put(t, object)
	}
	return w
}

func (w etcdWorld) provider(arguments ...string) string {
	return acctest.ProviderBlock(append(arguments, acctest.Block("etcd", acctest.At(w.Endpoints...)))...)
}

func (w etcdWorld) workspace(t *testing.T, cli acctest.CLI, configuration ...string) *acctest.Workspace {
	t.Helper()
	return acctest.NewWorkspaceWith(t, cli, map[string]string{"main.tf": acctest.WithProviders(configuration...)})
}

func (w etcdWorld) server() (tfprotov6.ProviderServer, error) {
	return provider.Server("test")(), nil
}

func (w etcdWorld) put(t *testing.T, object string) {
	t.Helper()
	w.putText(t, idOf(t, object), write(t, w.withAdditions(parse(t, object))))
}

func (w etcdWorld) get(t *testing.T, id calico.ID) string {
	t.Helper()
	stored, found := w.Get(t, w.where(id))
	if !found {
		return ""
	}
	object := withoutAdditions(parse(t, stored.Value))
	if diff := gocmp.Diff(w.withAdditions(parse(t, write(t, object))), parse(t, stored.Value)); diff != "" {
		t.Errorf("%s is not as Calico %s stores it (-want +got):\n%s", stored.Key, w.release, diff)
	}
	return write(t, object)
}

func (w etcdWorld) remove(t *testing.T, id calico.ID) {
	t.Helper()
	w.Delete(t, w.where(id))
}

func (w etcdWorld) versions(t *testing.T, kind calico.Kind) map[calico.ID]string {
	t.Helper()
	versions := map[calico.ID]string{}
	for _, kv := range w.Prefix(t, keysOf(kind)) {
		id := calico.ID{Kind: kind, Name: strings.TrimPrefix(kv.Key, keysOf(kind))}
		if namespace, name, ok := strings.Cut(id.Name, "/"); ok {
			id.Namespace, id.Name = namespace, name
		}
		versions[id] = fmt.Sprint(kv.Revision)
	}
	return versions
}

func (w etcdWorld) where(id calico.ID) string {
	if id.Namespace != "" {
		return keysOf(id.Kind) + id.Namespace + "/" + id.Name
	}
	return keysOf(id.Kind) + id.Name
}

func (w etcdWorld) text(t *testing.T, id calico.ID) string {
	t.Helper()
	stored, _ := w.Get(t, w.where(id))
	return stored.Value
}

func (w etcdWorld) putText(t *testing.T, id calico.ID, text string) {
	t.Helper()
	w.Put(t, w.where(id), text)
}

// keysOf is what the keys of a kind begin with.
func keysOf(kind calico.Kind) string { return acctest.ResourcePrefix + pluralOf(kind) + "/" }

// What Calico adds to policies.
const (
	tierLabel      = "projectcalico.org/tier"
	nameAnnotation = "projectcalico.org/metadata"
)

// withAdditions adds to an object what Calico does when it stores it. What is there
// already stays, but for what says the same again.
func (w etcdWorld) withAdditions(object fields) fields {
	metadata, spec := part(object, "metadata"), part(object, "spec")
	kind := calico.Kind(fmt.Sprint(object["kind"]))
	if strings.HasSuffix(string(kind), "Policy") {
		if spec["tier"] == nil {
			spec["tier"] = "default"
		}
		part(metadata, "labels")[tierLabel] = spec["tier"]
		part(metadata, "annotations")[nameAnnotation] = fmt.Sprintf(`{"name":%q}`, metadata["name"])
	}
	for _, rule := range rulesOf(kind, spec) {
		part(rule, "source")
		part(rule, "destination")
	}
	switch kind {
	case calico.KindNode, calico.KindKubeControllersConfiguration:
		part(object, "status")
	case calico.KindTier:
		if strings.HasPrefix(w.release, "v3.32.") {
			part(object, "status")
		}
	case calico.KindFelixConfiguration:
		if spec["bpfLogLevel"] == nil {
			spec["bpfLogLevel"] = ""
		}
	default:
	}
	return object
}

// withoutAdditions takes away what withAdditions adds.
func withoutAdditions(object fields) fields {
	metadata, spec := part(object, "metadata"), part(object, "spec")
	labels, annotations := part(metadata, "labels"), part(metadata, "annotations")
	kind := calico.Kind(fmt.Sprint(object["kind"]))
	if strings.HasSuffix(string(kind), "Policy") {
		delete(labels, tierLabel)
		delete(annotations, nameAnnotation)
	}
	for _, rule := range rulesOf(kind, spec) {
		dropEmpty(rule, "source", "destination")
	}
	if spec["bpfLogLevel"] == "" {
		delete(spec, "bpfLogLevel")
	}
	dropEmpty(metadata, "labels", "annotations")
	dropEmpty(object, "status")
	return object
}

// part returns a part of an object, which it makes if there is none.
func part(object fields, name string) fields {
	if inner, ok := object[name].(fields); ok {
		return inner
	}
	inner := fields{}
	object[name] = inner
	return inner
}

// dropEmpty removes those of the parts in which there is nothing.
func dropEmpty(object fields, names ...string) {
	maps.DeleteFunc(object, func(name string, value any) bool {
		inner, ok := value.(fields)
		for _, n := range names {
			if n == name && ok && len(inner) == 0 {
				return true
			}
		}
		return false
	})
}

// rulesOf returns the rules of a policy or a profile.
func rulesOf(kind calico.Kind, spec fields) []fields {
	var rules []fields
	if kind != calico.KindProfile && !strings.HasSuffix(string(kind), "Policy") {
		return nil
	}
	for _, direction := range []string{"ingress", "egress"} {
		list, _ := spec[direction].([]any)
		for _, rule := range list {
			if r, ok := rule.(fields); ok {
				rules = append(rules, r)
			}
		}
	}
	return rules
}
