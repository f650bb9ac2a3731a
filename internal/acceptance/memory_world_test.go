package acceptance

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/calico-terraform/terraform-provider-calico/internal/acceptance/memory"
	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider"
)

// memoryWorld is a datastore in memory, and the provider in the process of the test,
// which every run of the CLI is attached to.
type memoryWorld struct {
	*memory.Datastore
}

func newMemoryWorld(t *testing.T, c contents) memoryWorld {
	t.Helper()
	w := memoryWorld{memory.New()}
	w.put(t, `{"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},"spec":{"calicoVersion":"`+c.release+`","datastoreReady":true}}`)
	w.put(t, `{"kind":"Tier","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},"spec":{"order":1000000,"defaultAction":"Deny"}}`)
	for _, object := range c.needs {
		w.put(t, object)
	}
	return w
}

func (w memoryWorld) provider(arguments ...string) string {
	return acctest.ProviderBlock(arguments...)
}

func (w memoryWorld) server() (tfprotov6.ProviderServer, error) {
	return provider.Server("test", provider.WithStore(memory.Type, w.Open))(), nil
}

func (w memoryWorld) workspace(t *testing.T, cli acctest.CLI, configuration ...string) *acctest.Workspace {
	t.Helper()
	workspace := acctest.NewWorkspaceWith(t, cli, map[string]string{"main.tf": acctest.WithProviders(configuration...)})
	workspace.Env = append(workspace.Env, "TF_REATTACH_PROVIDERS="+w.serve(t, cli.RegistryHost()+"/"+acctest.ProviderSource))
	return workspace
}

// serve serves the provider until the test ends. It returns how the CLI attaches to it.
func (w memoryWorld) serve(t *testing.T, address string) string {
	t.Helper()
	server, err := w.server()
	if err != nil {
		t.Fatal(err)
	}
	attach, ended := make(chan *plugin.ReattachConfig), make(chan struct{})
	go func() {
		err := tf6server.Serve(address, func() tfprotov6.ProviderServer { return server },
			tf6server.WithDebug(t.Context(), attach, ended), tf6server.WithGoPluginLogger(hclog.NewNullLogger()), tf6server.WithLoggingSink(t))
		if err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { <-ended })
	var at *plugin.ReattachConfig
	select {
	case at = <-attach:
	case <-time.After(time.Minute):
		t.Fatal("the provider is not served")
	}
	type socket struct{ Network, String string }
	type attachment struct {
		Protocol        string
		ProtocolVersion int
		Pid             int
		Test            bool
		Addr            socket
	}
	text, err := json.Marshal(map[string]attachment{address: {
		Protocol: string(at.Protocol), ProtocolVersion: at.ProtocolVersion, Pid: os.Getpid(), Test: true,
		Addr: socket{at.Addr.Network(), at.Addr.String()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (w memoryWorld) put(t *testing.T, object string) {
	t.Helper()
	w.Put(idOf(t, object), object)
}

func (w memoryWorld) get(t *testing.T, id calico.ID) string {
	t.Helper()
	text, found := w.Get(id)
	if !found {
		return ""
	}
	return write(t, withoutAdditions(parse(t, text)))
}

func (w memoryWorld) remove(_ *testing.T, id calico.ID) { w.Remove(id) }

func (w memoryWorld) versions(_ *testing.T, kind calico.Kind) map[calico.ID]string {
	return w.Versions(kind)
}

func (w memoryWorld) where(id calico.ID) string { return memory.Where(id) }

func (w memoryWorld) text(_ *testing.T, id calico.ID) string {
	text, _ := w.Get(id)
	return text
}

func (w memoryWorld) putText(_ *testing.T, id calico.ID, text string) { w.Put(id, text) }
