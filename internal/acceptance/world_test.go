package acceptance

import (
	"encoding/json"
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

// newWorld makes a world as Calico of a release has it after its first start.
type newWorld func(t *testing.T, release string) world

// worlds are those that all rows are tested in.
var worlds = map[string]newWorld{
	"etcd":   func(t *testing.T, release string) world { return newEtcdWorld(t, release) },
	"memory": func(t *testing.T, release string) world { return newMemoryWorld(t, release) },
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
