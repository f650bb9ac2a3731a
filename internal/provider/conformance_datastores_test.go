package provider

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// keeper is a datastore as the conformance tests know it: they say which object they mean,
// and how and where it is stored is for the keeper to know.
type keeper interface {
	// env leads calicoctl to the datastore, and the provider.
	env() (calicoctl, provider []string)
	// prepare makes what must be there before the object of a case.
	prepare(t *testing.T, test conformanceCase)
	// has tells whether calicoctl can make such an object there.
	has(test conformanceCase) bool
	// value returns what is stored of the object, but for what the server itself makes.
	value(t *testing.T, test conformanceCase) string
	// version changes with each write of the object.
	version(t *testing.T, test conformanceCase) string
	// addUnknown puts a field into the object's spec, as a later Calico might: futureField.
	addUnknown(t *testing.T, test conformanceCase)
}

// inEtcd is a keeper.
type inEtcd struct {
	*acctest.Etcd
	release string
}

func newInEtcd(t *testing.T, release string) keeper {
	t.Helper()
	return inEtcd{acctest.NewEtcd(t, acctest.WithCalico(release)), release}
}

func (k inEtcd) env() (calicoctl, provider []string) {
	endpoints := "ETCD_ENDPOINTS=" + strings.Join(k.Endpoints, ",")
	return []string{"DATASTORE_TYPE=etcdv3", endpoints}, []string{endpoints}
}

func (k inEtcd) prepare(*testing.T, conformanceCase) {}

func (k inEtcd) has(conformanceCase) bool { return true }

func (k inEtcd) value(t *testing.T, test conformanceCase) string {
	t.Helper()
	return k.MustGet(t, test.key(k.release)).Value
}

func (k inEtcd) version(t *testing.T, test conformanceCase) string {
	t.Helper()
	value := k.MustGet(t, test.key(k.release))
	return fmt.Sprint(value.Revision) + value.Value
}

func (k inEtcd) addUnknown(t *testing.T, test conformanceCase) {
	t.Helper()
	key := test.key(k.release)
	k.Put(t, key, strings.Replace(k.MustGet(t, key).Value, `"spec":{`, `"spec":{"futureField":{"a":[1]},`, 1))
}

// inKubernetes is a keeper, with the CustomResourceDefinitions of the release.
type inKubernetes struct {
	*acctest.Kubernetes
	release string
}

var crdsOf = map[string]acctest.CalicoCRDs{"v3.28.5": acctest.CRDs328, "v3.31.0": acctest.CRDs331}

func newInKubernetes(t *testing.T, release string) keeper {
	t.Helper()
	k := acctest.NewKubernetes(t, acctest.WithCRDs(crdsOf[release]))
	k.GrantAccess(t)
	return inKubernetes{k, release}
}

func (k inKubernetes) env() (calicoctl, provider []string) {
	return []string{"DATASTORE_TYPE=kubernetes", "KUBECONFIG=" + k.AdminConfig}, []string{"DATASTORE_TYPE=kubernetes", "KUBECONFIG=" + k.Config}
}

func (k inKubernetes) prepare(t *testing.T, test conformanceCase) {
	t.Helper()
	if test.namespace != "" {
		status, answer, err := k.Do(t.Context(), http.MethodPost, "/api/v1/namespaces", "", `{"metadata":{"name":"`+test.namespace+`"}}`)
		if err != nil || status != http.StatusCreated && status != http.StatusConflict {
			t.Fatalf("%d, %v: %s", status, err, answer)
		}
	}
}

// has is false of nodes and profiles: calicoctl makes none in Kubernetes.
func (k inKubernetes) has(test conformanceCase) bool {
	return test.plural != "nodes" && test.plural != "profiles"
}

const calicoV1 = "/apis/crd.projectcalico.org/v1/"

func (k inKubernetes) path(test conformanceCase) string {
	name := test.object
	if test.policy {
		name = "default." + name
	}
	in := calicoV1
	if test.namespace != "" {
		in += "namespaces/" + test.namespace + "/"
	}
	return in + test.plural + "/" + name
}

func (k inKubernetes) value(t *testing.T, test conformanceCase) string {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(k.MustDo(t, http.MethodGet, k.path(test), "", "")), &object); err != nil {
		t.Fatal(err)
	}
	metadata, _ := object["metadata"].(map[string]any)
	for _, made := range []string{"managedFields", "resourceVersion", "generation"} {
		delete(metadata, made)
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (k inKubernetes) version(t *testing.T, test conformanceCase) string {
	t.Helper()
	return k.MustDo(t, http.MethodGet, k.path(test), "", "")
}

// addUnknown makes the field known to the API server, which drops others.
func (k inKubernetes) addUnknown(t *testing.T, test conformanceCase) {
	t.Helper()
	const future = `{"type":"object","x-kubernetes-preserve-unknown-fields":true}`
	definition := "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + test.plural + ".crd.projectcalico.org"
	k.MustDo(t, http.MethodPatch, definition, "application/json-patch+json", `[{"op":"add","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/futureField","value":`+future+`}]`)
	acctest.Eventually(t, "the definition with the new field is in force", func() bool {
		k.MustDo(t, http.MethodPatch, k.path(test), "application/merge-patch+json", `{"spec":{"futureField":{"a":[1]}}}`)
		return regexp.MustCompile(`"futureField":\{"a":\[1\]\}`).MatchString(k.value(t, test))
	})
}
