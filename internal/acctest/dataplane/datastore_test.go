//go:build dataplane && linux

package dataplane

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/etcdv3"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/kubernetes"
)

// source is a datastore as a bench knows it.
type source struct {
	store datastore.Store
	// block leads the provider to it, and felix are the variables that lead Felix there,
	// through its own host: what listens there goes on to address.
	block   string
	felix   []string
	address string
	// put stores an object as Calico would, by its kind and name.
	put func(t *testing.T, kind, name, labels, spec string)
	// options are those of verdicts about it.
	options []verdict.Option
	// holds tells whether administrators can make objects of the kind there.
	holds func(calico.Kind) bool
	// etcd is where everything is, in the end.
	etcd *acctest.Etcd
	// kubernetes is the API server, if it is one.
	kubernetes *acctest.Kubernetes
}

// hostAddress is where Felix finds its datastore, on its host. The port is one of the
// failsafe ports: a host endpoint for all interfaces is one for loopback too.
const hostAddress = "127.0.0.1:2380"

func inEtcd(t *testing.T) *source {
	t.Helper()
	etcd := acctest.NewEtcd(t, acctest.WithCalico(calicoVersion))
	store, err := etcdv3.New(t.Context(), etcdv3.Config{Endpoints: etcd.Endpoints}, etcdv3.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return &source{
		store: store, etcd: etcd,
		block:   fmt.Sprintf("  etcd {\n    endpoints = [%q]\n  }\n", etcd.Endpoints[0]),
		felix:   []string{"CALICO_DATASTORE_TYPE=etcdv3", "CALICO_ETCD_ENDPOINTS=http://" + hostAddress},
		address: strings.TrimPrefix(etcd.Endpoints[0], "http://"),
		put: func(t *testing.T, kind, name, labels, spec string) {
			t.Helper()
			plural := calico.Kind(kind).Plural()
			etcd.Put(t, acctest.ResourcePrefix+plural+"/"+name, fmt.Sprintf(`{"kind":%q,"apiVersion":"projectcalico.org/v3","metadata":{"name":%q,"uid":"6e2b1f0e-3a53-4f0c-9a60-0c8c4c7c7d01","creationTimestamp":"2025-01-01T00:00:00Z","labels":%s},"spec":%s}`, kind, name, labels, spec))
		},
		options: []verdict.Option{verdict.WithoutServices},
		holds:   func(calico.Kind) bool { return true },
	}
}

// inKubernetes is an API server with Calico's definitions, and the Node that Felix runs on.
func inKubernetes(t *testing.T) *source {
	t.Helper()
	k := acctest.NewKubernetes(t, acctest.WithCRDs(acctest.CRDs331))
	k.GrantAccess(t)
	const group = "/apis/crd.projectcalico.org/v1/"
	k.MustDo(t, http.MethodPost, "/api/v1/nodes", "", `{"metadata":{"name":"`+node+`"}}`)
	// It has the namespace of the scenarios.
	for _, namespace := range []string{"ns"} {
		k.MustDo(t, http.MethodPost, "/api/v1/namespaces", "", `{"metadata":{"name":"`+namespace+`"}}`)
	}
	put := func(t *testing.T, kind, name, labels, spec string) {
		t.Helper()
		path := group + calico.Kind(kind).Plural()
		object := fmt.Sprintf(`{"apiVersion":"crd.projectcalico.org/v1","kind":%q,"metadata":{"name":%q,"labels":%s},"spec":%s}`, kind, name, labels, spec)
		if status, _, err := k.Do(t.Context(), http.MethodGet, path+"/"+name, "", ""); err == nil && status == http.StatusOK {
			k.MustDo(t, http.MethodPatch, path+"/"+name, "application/merge-patch+json", object)
			return
		}
		k.MustDo(t, http.MethodPost, path, "", object)
	}
	put(t, "ClusterInformation", "default", "{}", `{"calicoVersion":"`+calicoVersion+`","datastoreReady":true}`)
	put(t, "Tier", "default", "{}", `{"order":1000000,"defaultAction":"Deny"}`)

	content, err := os.ReadFile(k.AdminConfig)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(config, []byte(strings.ReplaceAll(string(content), k.URL, "https://"+hostAddress)), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := kubernetes.New(t.Context(), kubernetes.Config{ConfigPaths: []string{k.Config}}, kubernetes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return &source{
		store: store, etcd: k.Etcd(), kubernetes: k, put: put,
		block:   fmt.Sprintf("  kubernetes {\n    config_path = %q\n  }\n", k.Config),
		felix:   []string{"CALICO_DATASTORE_TYPE=kubernetes", "KUBECONFIG=" + config},
		address: strings.TrimPrefix(k.URL, "https://"),
		holds: func(kind calico.Kind) bool {
			return kind != calico.KindProfile && kind != calico.KindNode
		},
	}
}

// held returns the objects that can be made in the datastore.
func (s *source) held(objects []calico.Object) []calico.Object {
	return slices.DeleteFunc(slices.Clone(objects), func(o calico.Object) bool { return !s.holds(calico.KindOf(o)) })
}
