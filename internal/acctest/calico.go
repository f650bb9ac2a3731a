package acctest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// UsualRelease is the release of Calico whose datastore is used by tests that are not
// about releases.
const UsualRelease = "v3.31.0"

// ResourcePrefix is what the keys of Calico's objects begin with.
const ResourcePrefix = CalicoPrefix + "resources/v3/projectcalico.org/"

// storedObject is the envelope in which Calico keeps an object in etcd, its
// fields in the order in which Calico writes them.
type storedObject struct {
	Kind       string         `json:"kind"`
	APIVersion string         `json:"apiVersion"`
	Metadata   storedMetadata `json:"metadata"`
	Spec       any            `json:"spec"`
	Status     *struct{}      `json:"status,omitempty"`
}

type storedMetadata struct {
	Name              string `json:"name"`
	UID               string `json:"uid"`
	CreationTimestamp string `json:"creationTimestamp"`
}

type clusterInformationSpec struct {
	ClusterGUID    string `json:"clusterGUID"`
	CalicoVersion  string `json:"calicoVersion"`
	DatastoreReady bool   `json:"datastoreReady"`
}

type tierSpec struct {
	Order         int64  `json:"order"`
	DefaultAction string `json:"defaultAction"`
}

type builtInTier struct {
	name string
	tierSpec
}

// fullVersion reads a release here, and not in package calico, since what tests
// prepare must not depend on what they test.
var fullVersion = regexp.MustCompile(`^v3\.(\d+)\.\d+`)

// PrepareCalico makes the datastore what it is after a calico-node of the given
// release, such as "v3.31.0", has first started with it: the ClusterInformation
// that tells the release, and the release's built-in tiers. What is there
// already stays.
func (e *Etcd) PrepareCalico(ctx context.Context, version string) error {
	objects, err := calicoObjects(version)
	if err != nil {
		return err
	}
	for key, value := range objects {
		err := e.call(ctx, func(ctx context.Context, client *clientv3.Client) error {
			_, err := client.Txn(ctx).
				If(clientv3.Compare(clientv3.Version(key), "=", 0)).
				Then(clientv3.OpPut(key, value)).
				Commit()
			return err
		})
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", key, err)
		}
	}
	return nil
}

// PrepareCalico does the same in Kubernetes. Calico's CRDs have to be there.
func (k *Kubernetes) PrepareCalico(ctx context.Context, version string) error {
	group := "crd.projectcalico.org/v1"
	if status, _, err := k.Do(ctx, http.MethodGet, "/apis/"+group, "", ""); err != nil {
		return err
	} else if status == http.StatusNotFound {
		group = "projectcalico.org/v3"
	}
	objects, err := calicoObjects(version)
	if err != nil {
		return err
	}
	for key, value := range objects {
		plural := path.Dir(strings.TrimPrefix(key, ResourcePrefix))
		value = strings.Replace(value, `"projectcalico.org/v3"`, `"`+group+`"`, 1)
		if err := k.post(ctx, "/apis/"+group+"/"+plural, "", value); err != nil {
			return err
		}
	}
	return nil
}

// calicoObjects returns what calico-node of that release finds missing in an
// empty datastore and writes: keys and values.
func calicoObjects(version string) (map[string]string, error) {
	match := fullVersion.FindStringSubmatch(version)
	if match == nil {
		return nil, fmt.Errorf("%q is not what calico-node calls itself: write the whole version, as in \"v3.31.0\"", version)
	}
	minor, err := strconv.Atoi(match[1])
	if err != nil {
		return nil, err
	}
	var status *struct{}
	if minor >= 32 {
		// From 3.32 on a Tier has a status, and it is always written.
		status = &struct{}{}
	}

	objects := make(map[string]string)
	add := func(plural, kind, name string, spec any, status *struct{}) error {
		value, err := json.Marshal(storedObject{
			Kind:       kind,
			APIVersion: "projectcalico.org/v3",
			Metadata: storedMetadata{
				Name:              name,
				UID:               uuid.NewString(),
				CreationTimestamp: time.Now().UTC().Format(time.RFC3339),
			},
			Spec:   spec,
			Status: status,
		})
		objects[ResourcePrefix+plural+"/"+name] = string(value)
		return err
	}

	err = add("clusterinformations", "ClusterInformation", "default", clusterInformationSpec{
		ClusterGUID:    strings.ReplaceAll(uuid.NewString(), "-", ""),
		CalicoVersion:  version,
		DatastoreReady: true,
	}, nil)
	if err != nil {
		return nil, err
	}
	for _, tier := range builtInTiers(minor) {
		if err := add("tiers", "Tier", tier.name, tier.tierSpec, status); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// builtInTiers returns the tiers that v3.minor creates.
func builtInTiers(minor int) []builtInTier {
	const first, last = 1000, 10000000
	tiers := []builtInTier{{"default", tierSpec{Order: 1000000, DefaultAction: "Deny"}}}
	switch {
	case minor >= 32:
		return append(tiers,
			builtInTier{"kube-admin", tierSpec{Order: first, DefaultAction: "Pass"}},
			builtInTier{"kube-baseline", tierSpec{Order: last, DefaultAction: "Pass"}})
	case minor >= 30:
		return append(tiers,
			builtInTier{"adminnetworkpolicy", tierSpec{Order: first, DefaultAction: "Pass"}},
			builtInTier{"baselineadminnetworkpolicy", tierSpec{Order: last, DefaultAction: "Pass"}})
	case minor == 29:
		return append(tiers,
			builtInTier{"adminnetworkpolicy", tierSpec{Order: first, DefaultAction: "Pass"}})
	default:
		return nil
	}
}
