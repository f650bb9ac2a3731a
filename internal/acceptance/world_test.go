package acceptance

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// world is a datastore of Calico's, and the provider that writes to it. The rows speak
// of objects, as manifests in JSON: where an object is stored, and in which form, is for
// the world to know.
type world interface {
	// provider is a provider block that leads to the datastore, with more arguments.
	provider(arguments ...string) string
	// workspace is one in which the CLI runs the provider.
	workspace(t *testing.T, cli acctest.CLI, configuration ...string) *acctest.Workspace
	// server is the provider in the process of the test.
	server() (tfprotov6.ProviderServer, error)

	// put stores an object, with what is given of its metadata.
	put(t *testing.T, object string)
	// get returns an object without what Calico adds to all that it stores; "" if it is
	// not there. It fails the test if something of that is missing.
	get(t *testing.T, id calico.ID) (object string)
	// remove removes an object.
	remove(t *testing.T, id calico.ID)
	// versions tells which objects of a kind there are. The version of one changes
	// with each write.
	versions(t *testing.T, kind calico.Kind) map[calico.ID]string
	// where tells where an object is stored, as messages do.
	where(id calico.ID) string
}

// textWorld is a world that stores texts, of which somebody may make anything. (The API
// of Kubernetes takes valid objects only.)
type textWorld interface {
	world
	// text returns what is stored of an object.
	text(t *testing.T, id calico.ID) string
	// putText stores a text in the place of an object.
	putText(t *testing.T, id calico.ID, text string)
}

// strictWorld is a world that refuses an object which does not fit a schema, or has fields
// that are in none dropped from it.
type strictWorld interface {
	world
	// refuses tells why an object is not stored; "" if it is. It stores nothing.
	refuses(t *testing.T, object string) (why string)
}

// contents are what a test has in a world.
type contents struct {
	// release is that of Calico, if the world has a choice.
	release string
	// kinds are those that the test writes objects of. When it begins there are none but
	// those that Calico makes.
	kinds []calico.Kind
	// needs are objects of other kinds that must be there.
	needs []string
}

// newWorld makes a world as Calico has it after its first start.
type newWorld func(t *testing.T, c contents) world

// worlds are those that all rows are tested in.
var worlds = map[string]newWorld{
	"etcd":               func(t *testing.T, c contents) world { return newEtcdWorld(t, c) },
	"memory":             func(t *testing.T, c contents) world { return newMemoryWorld(t, c) },
	"kubernetes v3.32.1": newKubernetesWorld(acctest.CRDs332),
	"kubernetes native":  newKubernetesWorld(acctest.NativeCRDs),
}

// pluralOf is the name of a kind in Kubernetes, and in the keys of etcd.
func pluralOf(kind calico.Kind) string {
	name := strings.ToLower(string(kind))
	if stem, ok := strings.CutSuffix(name, "y"); ok {
		return stem + "ies"
	}
	return name + "s"
}

// fields are those of an object, or of a part of one, in JSON.
type fields = map[string]any

// parse reads an object.
func parse(t *testing.T, object string) fields {
	t.Helper()
	var parsed fields
	if err := json.Unmarshal([]byte(object), &parsed); err != nil {
		t.Fatalf("%v in %s", err, object)
	}
	return parsed
}

// write is the reverse of parse.
func write(t *testing.T, object any) string {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// idOf returns the ID of an object.
func idOf(t *testing.T, object string) calico.ID {
	t.Helper()
	var o struct {
		Kind     calico.Kind
		Metadata struct{ Name, Namespace string }
	}
	if err := json.Unmarshal([]byte(object), &o); err != nil {
		t.Fatalf("%v in %s", err, object)
	}
	return calico.ID{Kind: o.Kind, Namespace: o.Metadata.Namespace, Name: o.Metadata.Name}
}
