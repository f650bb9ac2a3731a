//go:build faults && linux

package faults

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// keeper is a datastore in which runs are killed.
type keeper interface {
	// configuration leads the provider there.
	configuration() string
	// putOthers stores what somebody else has.
	putOthers(t *testing.T)
	// all returns all objects, by keys as etcd has them. Version is how often an object was
	// written.
	all(t *testing.T) []acctest.KeyValue
}

// inEtcd is a keeper.
type inEtcd struct{ *acctest.Etcd }

func newInEtcd(t *testing.T) keeper {
	t.Helper()
	return inEtcd{acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))}
}

func (k inEtcd) configuration() string {
	return configurationFor(acctest.Block("etcd", acctest.At(k.Endpoints...)), "calico_profile")
}

func (k inEtcd) putOthers(t *testing.T) {
	t.Helper()
	for key, value := range othersObjects() {
		k.Put(t, acctest.ResourcePrefix+key, value)
	}
}

func (k inEtcd) all(t *testing.T) []acctest.KeyValue {
	t.Helper()
	return k.Prefix(t, acctest.ResourcePrefix)
}

// inKubernetes is a keeper. It has network sets in the place of profiles.
type inKubernetes struct{ *acctest.Kubernetes }

func newInKubernetes(t *testing.T) keeper {
	t.Helper()
	k := acctest.NewKubernetes(t, acctest.WithCRDs(acctest.CRDs331))
	k.GrantAccess(t)
	k.MustDo(t, http.MethodPost, "/api/v1/namespaces", "", `{"metadata":{"name":"shop"}}`)
	return inKubernetes{k}
}

func (k inKubernetes) configuration() string {
	return configurationFor(acctest.Block("kubernetes", `config_path = "`+k.Config+`"`), "calico_global_network_set")
}

const calicoV1 = "/apis/crd.projectcalico.org/v1/"

func (k inKubernetes) putOthers(t *testing.T) {
	t.Helper()
	for key, value := range othersObjects() {
		plural, _, _ := strings.Cut(key, "/")
		value = strings.Replace(value, "projectcalico.org/v3", "crd.projectcalico.org/v1", 1)
		// (What is unknown cannot be stored here: another field differs instead.)
		value = strings.Replace(value, `"futureField":{"x":1}`, `"applyOnForward":true`, 1)
		k.MustDo(t, http.MethodPost, calicoV1+plural, "", strings.Replace(value, `,"futureField"`, `,"applyOnForward"`, 1))
	}
}

func (k inKubernetes) all(t *testing.T) []acctest.KeyValue {
	t.Helper()
	var all []acctest.KeyValue
	for _, plural := range []string{
		"tiers", "globalnetworkpolicies", "networkpolicies", "hostendpoints", "globalnetworksets", "networksets", "ippools", "bgppeers", "felixconfigurations",
	} {
		var list struct{ Items []map[string]any }
		if err := json.Unmarshal([]byte(k.MustDo(t, http.MethodGet, calicoV1+plural, "", "")), &list); err != nil {
			t.Fatal(err)
		}
		for _, item := range list.Items {
			metadata, _ := item["metadata"].(map[string]any)
			generation, _ := metadata["generation"].(float64)
			key := acctest.ResourcePrefix + plural + "/"
			if namespace, ok := metadata["namespace"].(string); ok {
				key += namespace + "/"
			}
			name, _ := metadata["name"].(string)
			value, err := json.Marshal(item)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, acctest.KeyValue{Key: key + name, Value: string(value), Version: int64(generation)})
		}
	}
	return all
}
