package provider_test

import (
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// TestKubernetesCalls counts the requests that a thousand host endpoints cost.
func TestKubernetesCalls(t *testing.T) {
	t.Parallel()
	const atMost = 25
	k := acctest.NewKubernetes(t, acctest.WithCRDs(acctest.CRDs331))
	k.GrantAccess(t)
	proxy := k.Proxy(t)
	workspace := acctest.NewWorkspace(t, map[string]string{"main.tf": acctest.WithProviders(acctest.ProviderBlock(proxy.Block()), `
locals {
  hosts = { for i in range(1000) : "h${i}" => "10.2.${floor(i / 250)}.${i % 250 + 1}" }
}

resource "calico_host_endpoint" "host" {
  for_each       = local.hosts
  name           = each.key
  node           = each.key
  interface_name = "eth0"
  expected_ips   = [each.value]
}
`)})
	workspace.MustRun(t, "apply", "-auto-approve", "-no-color")
	writes := 0
	for _, r := range proxy.Seen() {
		if !strings.HasPrefix(r, "GET ") {
			writes++
		}
	}
	if writes != 1000 {
		t.Errorf("a thousand objects were made with %d writes", writes)
	}
	if changes, text, err := workspace.Plan(t.Context()); err != nil || changes {
		t.Fatalf("it plans (%v)\n%s", err, text)
	}
	reads := proxy.Seen()
	t.Logf("a plan without changes makes %d requests", len(reads))
	if len(reads) > atMost {
		t.Errorf("a plan without changes makes %d requests, at most %d are wanted:\n%s", len(reads), atMost, strings.Join(reads, "\n"))
	}

	workspace.MustRun(t, "destroy", "-auto-approve", "-no-color", "-target", `calico_host_endpoint.host["h1"]`, "-refresh=false")
	var deletes []string
	for _, r := range proxy.Seen() {
		if !strings.HasPrefix(r, "GET ") {
			deletes = append(deletes, r)
		}
	}
	if len(deletes) != 1 {
		t.Errorf("one delete makes these writes: %v", deletes)
	}
}
