package storage_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

var fresh = objecttest.Fresh

// The bytes below are what calicoctl of each release stores for the same
// manifest, but for uid and time; the conformance tests compare with the tools
// themselves.
func TestEncodeIsWhatCalicoStores(t *testing.T) {
	const (
		meta = `"uid":"0b5b1d4e-3c2c-4a9c-9d0a-5f6c0f8e7a11","creationTimestamp":"2026-03-03T20:01:41Z"`
		body = `"order":0,"ingress":[{"action":"Allow","protocol":"TCP","source":{},"destination":{"ports":[22]}}],"selector":"has(a) \u0026\u0026 has(b)","types":["Ingress"]}}`
		note = `"annotations":{"projectcalico.org/metadata":"{\"name\":\"failsafe\"}"}`
	)
	for release, want := range map[string]string{
		"v3.28.5": `{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"default.failsafe",` + meta + `},"spec":{` + body,
		"v3.29.0": `{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"default.failsafe",` + meta + `},"spec":{` + body,
		"v3.31.0": `{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"default.failsafe",` + meta + `,` + note + `},"spec":{` + body,
		"v3.32.0": `{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"failsafe",` + meta +
			`,"labels":{"projectcalico.org/tier":"default"},` + note + `},"spec":{"tier":"default",` + body,
	} {
		r, err := calico.ParseRelease(release)
		if err != nil {
			t.Fatal(err)
		}
		name, value, err := storage.Encode(objecttest.FailsafePolicy(), nil, r, fresh)
		if err != nil {
			t.Fatal(err)
		}
		if string(value) != want {
			t.Errorf("%s stores\n%s\nwant\n%s", release, value, want)
		}
		back, err := storage.Decode(calico.KindGlobalNetworkPolicy, name, value)
		if err != nil {
			t.Fatal(err)
		}
		if back.GetName() != "failsafe" || len(back.GetLabels())+len(back.GetAnnotations()) > 0 {
			t.Errorf("%s: read back as %q, labels %v, annotations %v", release, back.GetName(), back.GetLabels(), back.GetAnnotations())
		}
	}
}

func TestEncodeOfATier(t *testing.T) {
	p := objecttest.FailsafePolicy()
	p.Name, p.Spec.Tier = "sec.failsafe", "sec"
	if _, _, err := storage.Encode(p, nil, calico.Release{Major: 3, Minor: 28, Patch: 5}, fresh); err == nil {
		t.Error("v3.28 has no tiers: want an error")
	}
	for _, r := range []calico.Release{{Major: 3, Minor: 29, Patch: 0}, {Major: 3, Minor: 31, Patch: 0}, {Major: 3, Minor: 32, Patch: 0}} {
		name, value, err := storage.Encode(p, nil, r, fresh)
		if err != nil {
			t.Fatal(err)
		}
		if name != "sec.failsafe" || !strings.Contains(string(value), `"labels":{"projectcalico.org/tier":"sec"}`) || !strings.Contains(string(value), `"tier":"sec"`) {
			t.Errorf("%s stores %s: %s", r, name, value)
		}
	}
	if p.Labels != nil {
		t.Error("Encode changed the object that it was given")
	}
}

// From v3.32 on Calico's schemas, which it applies before it stores an object,
// make 0 of it.
func TestEncodeOfMinusZero(t *testing.T) {
	p := objecttest.NetworkPolicy()
	minus := math.Copysign(0, -1)
	p.Spec.Order = &minus
	for _, obj := range []calico.Object{p, objecttest.Tier("sec", minus, v3.Deny)} {
		for r, want := range map[calico.Release]string{objecttest.V3290: `"order":-0`, objecttest.V3310: `"order":-0`, objecttest.V3320: `"order":0`} {
			if _, value, err := storage.Encode(obj, nil, r, fresh); err != nil || !strings.Contains(string(value), want) {
				t.Errorf("%s: want %s in %s, %v", r, want, value, err)
			}
		}
	}
	if !math.Signbit(minus) {
		t.Error("Encode changed the object that it was given")
	}
}

func TestEncodeOfTiersStatus(t *testing.T) {
	tier := objecttest.Tier("sec", 10, v3.Pass)
	const conditions = `{"conditions":[{"type":"Ready","status":"True"}]}`
	for _, tt := range []struct {
		base    string
		release calico.Release
		want    string
	}{
		{"", objecttest.V3310, `"spec":{"order":10,"defaultAction":"Pass"}}`},
		{"", objecttest.V3320, `"spec":{"order":10,"defaultAction":"Pass"},"status":{}}`},
		{`{"metadata":{},"spec":{"order":5}}`, objecttest.V3320, `"spec":{"order":10,"defaultAction":"Pass"},"status":{}}`},
		{`{"metadata":{},"spec":{"order":5},"status":` + conditions + `}`, objecttest.V3320, `,"status":` + conditions + `}`},
		{`{"metadata":{},"spec":{"order":5},"status":` + conditions + `}`, objecttest.V3310, `,"status":` + conditions + `}`},
	} {
		var base []byte
		if tt.base != "" {
			base = []byte(tt.base)
		}
		name, value, err := storage.Encode(tier, base, tt.release, fresh)
		if err != nil || name != "sec" || !strings.HasSuffix(string(value), tt.want) {
			t.Errorf("%s of %q: stored %s, %v; want %s at the end", tt.release, tt.base, value, err, tt.want)
		}
		if back, err := storage.Decode(calico.KindTier, name, value); err != nil || !calico.Equal(back, tier) {
			t.Errorf("read back as %+v, %v", back, err)
		}
	}
}

func TestEncodeAndDecodeInANamespace(t *testing.T) {
	p := objecttest.StagedNetworkPolicy()
	p.Spec.StagedAction = v3.StagedActionSet
	for r, want := range map[calico.Release]string{{Major: 3, Minor: 30, Patch: 0}: "default.p", objecttest.V3310: "default.p", objecttest.V3320: "p"} {
		name, value, err := storage.Encode(p, nil, r, fresh)
		if err != nil || name != want {
			t.Fatalf("%s stores %q, %v; want %q", r, name, err, want)
		}
		back, err := storage.Decode(calico.KindStagedNetworkPolicy, "prod/"+name, value)
		if err != nil || !calico.Equal(back, p) {
			t.Errorf("%s: read back as %+v, %v", r, back, err)
		}
		for _, wrong := range []string{name, "test/" + name, "prod/x"} {
			if _, err := storage.Decode(calico.KindStagedNetworkPolicy, wrong, value); err == nil {
				t.Errorf("%s: what says that it is prod/%s was read at %s", r, name, wrong)
			}
		}
	}
}

// What Calico reports of an object, and fills in, is no change of it.
func TestContentChangesIgnoresStatusAndStagedAction(t *testing.T) {
	for _, tt := range []struct {
		kind          calico.Kind
		before, after string
		changes       int
	}{
		{calico.KindTier, `{"spec":{"order":1}}`, `{"spec":{"order":1},"status":{"conditions":[{"type":"Ready"}]}}`, 0},
		{calico.KindTier, `{"spec":{"order":1}}`, `{"spec":{"order":2},"status":{}}`, 1},
		{calico.KindStagedNetworkPolicy, `{"spec":{}}`, `{"spec":{"tier":"default","stagedAction":"Set"}}`, 0},
		{calico.KindStagedNetworkPolicy, `{"spec":{}}`, `{"spec":{"stagedAction":"Delete"}}`, 1},
		// What a newer release writes down, and the fields beside it that no type knows.
		{calico.KindIPPool, `{"spec":{"cidr":"10.0.0.0/8","allowedUses":[],"future":1}}`, `{"spec":{"cidr":"10.0.0.0/8","blockSize":26,"nodeSelector":"all()","allowedUses":["Workload","Tunnel"],"assignmentMode":"Automatic","future":1}}`, 0},
		{calico.KindIPPool, `{"spec":{"cidr":"10.0.0.0/8"}}`, `{"spec":{"cidr":"10.0.0.0/8","assignmentMode":"Manual"}}`, 1},
		{calico.KindIPPool, `{"spec":{"cidr":"10.0.0.0/8"}}`, `{"spec":{"cidr":"10.0.0.0/8","ipipMode":"Never","future":1}}`, 2},
		{calico.KindIPPool, `{"spec":{"cidr":1}}`, `{"spec":{"cidr":1,"assignmentMode":"Automatic"}}`, 1}, // what cannot be decoded
		{calico.KindBGPConfiguration, `{"metadata":{"name":"default"}}`, `{"metadata":{"name":"default"},"spec":{"logSeverityScreen":"Info","serviceLoadBalancerAggregation":"Enabled"}}`, 0},
		{calico.KindBGPConfiguration, `{"metadata":{"name":"node.a"},"spec":{}}`, `{"metadata":{"name":"node.a"},"spec":{"logSeverityScreen":"Info","serviceLoadBalancerAggregation":"Enabled"}}`, 2}, // the first is one, and then all is told
		{calico.KindGlobalNetworkSet, `{"spec":{"nets":["10.0.0.0/8","::1"],"future":1}}`, `{"spec":{"nets":["0::1/128","10.0.0.1/8"],"future":1}}`, 0},                                               // another spelling
		{calico.KindGlobalNetworkSet, `{"spec":{"nets":["10.0.0.0/8"],"future":1}}`, `{"spec":{"nets":["10.0.0.1/8"],"future":2}}`, 2},
		{calico.KindKubeControllersConfiguration, `{"spec":{"controllers":{"policyMigration":{}}}}`, `{"spec":{"healthChecks":"Enabled","controllers":{"policyMigration":{"enabled":"Enabled"}}}}`, 0},
		{calico.KindKubeControllersConfiguration, `{"spec":{"controllers":{}}}`, `{"spec":{"controllers":{"policyMigration":{"enabled":"Enabled"}}}}`, 1},
		{calico.KindKubeControllersConfiguration, `{"spec":{"controllers":{"migration":{}}}}`, `{"spec":{"healthChecks":"Enabled","controllers":{"policyMigration":{"enabled":"Enabled"}}}}`, 0},
	} {
		if changes, err := storage.ContentChanges(tt.kind, []byte(tt.before), []byte(tt.after)); err != nil || len(changes) != tt.changes {
			t.Errorf("%s to %s: %q, %v", tt.before, tt.after, changes, err)
		}
	}
}

func TestEncodeKeepsWhatItDoesNotKnow(t *testing.T) {
	base := []byte(`{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","future":{"a":1},
		"metadata":{"name":"failsafe","uid":"u","creationTimestamp":"2020-01-01T00:00:00Z","finalizers":["x/y"],"generation":3,"newMeta":"n",
			"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","gone":"1"},"labels":{"gone":"1"}},
		"spec":{"order":1000.0,"bigNumber":12345678901234567890,"selector":"old()","Types":["Egress"],
			"ingress":[
				{"action":"Deny","source":{},"destination":{}},
				{"action":"Allow","protocol":"TCP","source":{"newMatch":{"x":[1,2]}},"destination":{"ports":[22]},"mark":"ssh"}
			]},
		"status":{"seen":true}}`)
	_, value, err := storage.Encode(objecttest.FailsafePolicy(), base, calico.Release{Major: 3, Minor: 32, Patch: 0}, fresh)
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]any
	if err := json.Unmarshal(value, &got); err != nil {
		t.Fatalf("%v in %s", err, value)
	}
	if err := json.Unmarshal([]byte(`{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","future":{"a":1},
		"metadata":{"name":"failsafe","uid":"u","creationTimestamp":"2020-01-01T00:00:00Z","finalizers":["x/y"],"generation":3,"newMeta":"n",
			"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","projectcalico.org/metadata":"{\"name\":\"failsafe\"}"},
			"labels":{"projectcalico.org/tier":"default"}},
		"spec":{"tier":"default","order":0,"bigNumber":12345678901234567890,"selector":"has(a) && has(b)","types":["Ingress"],
			"ingress":[{"action":"Allow","protocol":"TCP","source":{"newMatch":{"x":[1,2]}},"destination":{"ports":[22]},"mark":"ssh"}]},
		"status":{"seen":true}}`), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %s", value)
	}
	if !strings.Contains(string(value), "12345678901234567890") {
		t.Errorf("a large number lost its digits in %s", value)
	}
}

func TestEncodeGivesUIDAndTimeToAnObjectWithout(t *testing.T) {
	base := []byte(`{"kind":"HostEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"a","creationTimestamp":null},"spec":{}}`)
	h := v3.NewHostEndpoint()
	h.Name = "a"
	_, value, err := storage.Encode(h, base, calico.Newest, fresh)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(value), fresh.UID) || !strings.Contains(string(value), "2026-03-03T20:01:41Z") {
		t.Errorf("stored %s", value)
	}
}

func TestDecodeRefusesWhatIsNotTheObject(t *testing.T) {
	for name, value := range map[string]string{
		"not JSON":      `{"kind":`,
		"a string":      `"HostEndpoint"`,
		"empty":         ``,
		"another kind":  `{"kind":"GlobalNetworkSet","apiVersion":"projectcalico.org/v3","metadata":{"name":"a"}}`,
		"another group": `{"kind":"HostEndpoint","apiVersion":"crd.projectcalico.org/v1","metadata":{"name":"a"}}`,
		"another name":  `{"kind":"HostEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"b"}}`,
		"a wrong type":  `{"kind":"HostEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"a"},"spec":{"node":{"secret":"s3cr3t"}}}`,
	} {
		obj, err := storage.Decode(calico.KindHostEndpoint, "a", []byte(value))
		if err == nil {
			t.Errorf("%s: decoded as %v", name, obj)
		} else if strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: the error shows the value: %v", name, err)
		}
	}
}

func TestChanges(t *testing.T) {
	for name, test := range map[string]struct {
		before, after string
		want          []string
	}{
		"the same":             {`{"a":1,"b":{"c":[1,2]}}`, `{"b":{"c":[1,2]},"a":1}`, nil},
		"void and absent":      {`{"a":{},"b":null}`, `{}`, nil},
		"an empty list is not": {`{"a":[]}`, `{}`, []string{`a: [] -> (none)`}},
		"a value":              {`{"spec":{"order":0}}`, `{"spec":{"order":10}}`, []string{`spec.order: 0 -> 10`}},
		"an element":           {`{"l":[{"a":1},{"a":2}]}`, `{"l":[{"a":1},{"a":3},{"a":4}]}`, []string{`l[1].a: 2 -> 3`, `l[2].a: (none) -> 4`}},
		"a selector":           {`{"s":"a == 'b' \u0026\u0026 has(c)"}`, `{"s":"<x> && y"}`, []string{`s: "a == 'b' && has(c)" -> "<x> && y"`}},
		"another shape":        {`{"a":[1]}`, `{"a":{"b":1}}`, []string{`a: [1] -> {"b":1}`}},
	} {
		got, err := storage.Changes([]byte(test.before), []byte(test.after))
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, test.want)
		}
	}
}

func TestContentChangesIgnoresNaming(t *testing.T) {
	_, old, err := storage.Encode(objecttest.FailsafePolicy(), nil, calico.Release{Major: 3, Minor: 28, Patch: 5}, fresh)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []calico.Release{{Major: 3, Minor: 29, Patch: 0}, {Major: 3, Minor: 31, Patch: 0}, {Major: 3, Minor: 32, Patch: 0}} {
		_, value, err := storage.Encode(objecttest.FailsafePolicy(), old, r, fresh)
		if err != nil {
			t.Fatal(err)
		}
		if changes, err := storage.ContentChanges(calico.KindGlobalNetworkPolicy, old, value); err != nil || len(changes) > 0 {
			t.Errorf("rewritten by %s: %q, %v", r, changes, err)
		}
	}
	p := objecttest.FailsafePolicy()
	p.Spec.Selector = "all()"
	_, value, err := storage.Encode(p, old, calico.Release{Major: 3, Minor: 32, Patch: 0}, fresh)
	if err != nil {
		t.Fatal(err)
	}
	if changes, err := storage.ContentChanges(calico.KindGlobalNetworkPolicy, old, value); err != nil || len(changes) != 1 {
		t.Errorf("a changed selector: %q, %v", changes, err)
	}
}

// What a creation would store is what is stored, but for uid and time, in every
// release's naming. Anything else that is there is a difference.
func TestCreationChanges(t *testing.T) {
	now := calico.Release{Major: 3, Minor: 31, Patch: 0}
	other := storage.Fresh{UID: "5e1b7a0f-7a3f-4d0e-9a44-3f4f8d0c1b2a", Created: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)}
	for _, r := range []calico.Release{{Major: 3, Minor: 28, Patch: 5}, {Major: 3, Minor: 29, Patch: 0}, {Major: 3, Minor: 31, Patch: 0}, {Major: 3, Minor: 32, Patch: 0}} {
		_, stored, err := storage.Encode(objecttest.FailsafePolicy(), nil, r, other)
		if err != nil {
			t.Fatal(err)
		}
		if changes, err := storage.CreationChanges(objecttest.FailsafePolicy(), stored, now); err != nil || len(changes) > 0 {
			t.Errorf("stored by %s: %q, %v", r, changes, err)
		}
	}
	_, stored, err := storage.Encode(objecttest.FailsafePolicy(), nil, now, other)
	if err != nil {
		t.Fatal(err)
	}
	for _, edit := range [][2]string{
		{`"order":0`, `"order":1`},
		{`"spec":{`, `"spec":{"future":1,`},
		{`"metadata":{`, `"metadata":{"labels":{"a":"1"},`},
		{`"metadata":{`, `"metadata":{"finalizers":["a/b"],`},
		{`"annotations":{`, `"annotations":{"a":"1",`},
		{`"uid":"` + other.UID + `",`, ``},
		{`"creationTimestamp":"2024-01-02T03:04:05Z"`, `"creationTimestamp":null`},
	} {
		edited := strings.Replace(string(stored), edit[0], edit[1], 1)
		if edited == string(stored) {
			t.Fatalf("%s is not in %s", edit[0], stored)
		}
		if changes, err := storage.CreationChanges(objecttest.FailsafePolicy(), []byte(edited), now); err != nil || len(changes) != 1 {
			t.Errorf("%s in the place of %s: %q, %v", edit[1], edit[0], changes, err)
		}
	}
	// A value that means the same as none would be taken over as what it is not planned to be.
	pool := objecttest.IPPool()
	_, stored, err = storage.Encode(pool, nil, now, other)
	if err != nil {
		t.Fatal(err)
	}
	automatic := v3.Automatic
	pool.Spec.AssignmentMode = &automatic
	if changes, err := storage.CreationChanges(pool, stored, now); err != nil || len(changes) != 1 {
		t.Errorf("a value that means the same as none: %q, %v", changes, err)
	}
	if _, err := storage.CreationChanges(objecttest.FailsafePolicy(), []byte("not JSON"), now); err == nil {
		t.Error("what is no JSON was compared")
	}
}

func TestManifest(t *testing.T) {
	p := objecttest.FailsafePolicy()
	p.UID, p.Labels = "u", map[string]string{"y": "on"}
	got, err := storage.Manifest(p)
	want := `apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata:
  labels:
    "y": "on"
  name: failsafe
spec:
  ingress:
  - action: Allow
    destination:
      ports:
      - 22
    protocol: TCP
  order: 0
  selector: has(a) && has(b)
  types:
  - Ingress
`
	if err != nil || got != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
	}
}
