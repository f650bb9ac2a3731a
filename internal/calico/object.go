package calico

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Object is a resource of the projectcalico.org/v3 API, such as
// *v3.HostEndpoint, or one of this package if the API module lacks the type or some
// of its fields, such as *FelixConfiguration. Names and tiers in it are the user's: what a release of
// Calico makes of them in the datastore is added by storage.Encode and taken away by
// storage.Decode.
type Object interface {
	metav1.Object
	runtime.Object
}

// Kind is the name of a kind of the projectcalico.org/v3 API, such as "HostEndpoint".
type Kind string

// The kinds that this package knows: all that an administrator writes, and
// ClusterInformation, which Calico writes and this provider reads.
const (
	KindHostEndpoint                 Kind = v3.KindHostEndpoint
	KindGlobalNetworkPolicy          Kind = v3.KindGlobalNetworkPolicy
	KindNetworkPolicy                Kind = v3.KindNetworkPolicy
	KindStagedGlobalNetworkPolicy    Kind = v3.KindStagedGlobalNetworkPolicy
	KindStagedNetworkPolicy          Kind = v3.KindStagedNetworkPolicy
	KindTier                         Kind = v3.KindTier
	KindGlobalNetworkSet             Kind = v3.KindGlobalNetworkSet
	KindNetworkSet                   Kind = v3.KindNetworkSet
	KindProfile                      Kind = v3.KindProfile
	KindFelixConfiguration           Kind = v3.KindFelixConfiguration
	KindIPPool                       Kind = v3.KindIPPool
	KindIPReservation                Kind = v3.KindIPReservation
	KindBGPConfiguration             Kind = v3.KindBGPConfiguration
	KindBGPPeer                      Kind = v3.KindBGPPeer
	KindBGPFilter                    Kind = v3.KindBGPFilter
	KindNode                         Kind = "Node"
	KindKubeControllersConfiguration Kind = v3.KindKubeControllersConfiguration
	KindClusterInformation           Kind = v3.KindClusterInformation
)

// kindInfo is what is the same for all objects of a kind.
type kindInfo struct {
	plural     string
	namespaced bool
	tiered     bool
	// since is the first release that knows the kind; the zero value for all.
	since     Release
	newObject func() Object
}

var kinds = map[Kind]kindInfo{
	KindHostEndpoint:        {plural: "hostendpoints", newObject: func() Object { return v3.NewHostEndpoint() }},
	KindGlobalNetworkPolicy: {plural: "globalnetworkpolicies", tiered: true, newObject: func() Object { return v3.NewGlobalNetworkPolicy() }},
	KindNetworkPolicy:       {plural: "networkpolicies", namespaced: true, tiered: true, newObject: func() Object { return v3.NewNetworkPolicy() }},
	KindStagedGlobalNetworkPolicy: {
		plural: "stagedglobalnetworkpolicies", tiered: true, since: Release{3, 30, 0},
		newObject: func() Object { return v3.NewStagedGlobalNetworkPolicy() },
	},
	KindStagedNetworkPolicy: {
		plural: "stagednetworkpolicies", namespaced: true, tiered: true, since: Release{3, 30, 0},
		newObject: func() Object { return v3.NewStagedNetworkPolicy() },
	},
	KindTier:               {plural: "tiers", since: Release{3, 29, 0}, newObject: func() Object { return v3.NewTier() }},
	KindGlobalNetworkSet:   {plural: "globalnetworksets", newObject: func() Object { return v3.NewGlobalNetworkSet() }},
	KindNetworkSet:         {plural: "networksets", namespaced: true, newObject: func() Object { return v3.NewNetworkSet() }},
	KindProfile:            {plural: "profiles", newObject: func() Object { return v3.NewProfile() }},
	KindFelixConfiguration: {plural: "felixconfigurations", newObject: func() Object { return NewFelixConfiguration() }},
	KindIPPool:             {plural: "ippools", newObject: func() Object { return v3.NewIPPool() }},
	KindIPReservation:      {plural: "ipreservations", newObject: func() Object { return v3.NewIPReservation() }},
	KindBGPConfiguration:   {plural: "bgpconfigurations", newObject: func() Object { return NewBGPConfiguration() }},
	KindBGPPeer:            {plural: "bgppeers", newObject: func() Object { return v3.NewBGPPeer() }},
	KindBGPFilter:          {plural: "bgpfilters", newObject: func() Object { return NewBGPFilter() }},
	KindNode:               {plural: "nodes", newObject: func() Object { return NewNode() }},
	KindKubeControllersConfiguration: {
		plural:    "kubecontrollersconfigurations",
		newObject: func() Object { return NewKubeControllersConfiguration() },
	},
	KindClusterInformation: {plural: "clusterinformations", newObject: func() Object { return v3.NewClusterInformation() }},
}

func (k Kind) info() kindInfo {
	info, ok := kinds[k]
	if !ok {
		panic(fmt.Sprintf("calico: kind %q is not in the kinds table", string(k)))
	}
	return info
}

// Plural is the kind's name in a datastore key: "hostendpoints".
func (k Kind) Plural() string { return k.info().plural }

// Namespaced tells whether objects of the kind live in a namespace.
func (k Kind) Namespaced() bool { return k.info().namespaced }

// Tiered tells whether objects of the kind belong to a tier, and so have a
// stored name that depends on the release.
func (k Kind) Tiered() bool { return k.info().tiered }

// Since returns the first release of Calico that knows the kind; the zero
// Release where all do.
func (k Kind) Since() Release { return k.info().since }

// KnownIn tells whether a release of Calico knows the kind.
func (k Kind) KnownIn(r Release) bool {
	since := k.Since()
	return r.AtLeast(since.Major, since.Minor, since.Patch)
}

// New returns an empty object of the kind, with kind and apiVersion set.
func (k Kind) New() Object { return k.info().newObject() }

// KindOf returns the kind of an object. It panics for a type that is not in the
// kinds table: that is a programming error, never bad input.
func KindOf(obj Object) Kind {
	k := Kind(obj.GetObjectKind().GroupVersionKind().Kind)
	if want := kindTypes[k]; reflect.TypeOf(obj) != want {
		panic(fmt.Sprintf("calico: a %T is no object of kind %q: that is a %v", obj, string(k), want))
	}
	return k
}

// Kinds returns all kinds that this package knows, in the order of their names.
func Kinds() []Kind { return slices.Sorted(maps.Keys(kinds)) }

// kindTypes are the types of the kinds' objects.
var kindTypes = map[Kind]reflect.Type{}

func init() {
	for kind, info := range kinds {
		kindTypes[kind] = reflect.TypeOf(info.newObject())
	}
}

// DefaultNamespace is where Calico's tools put an object that names no namespace.
const DefaultNamespace = "default"

// ID names an object as a user does.
type ID struct {
	Kind Kind
	// Namespace is empty for global kinds.
	Namespace string
	// Name is the name in a manifest, which is not always the stored one (see storage.Naming).
	Name string
	// Tier is the tier of a tiered kind. Empty means the tier "default".
	Tier string
}

// Compare sorts IDs by kind, namespace and name.
func (id ID) Compare(other ID) int {
	return cmp.Or(cmp.Compare(id.Kind, other.Kind), cmp.Compare(id.Namespace, other.Namespace), cmp.Compare(id.Name, other.Name))
}

// String spells the ID for a message: GlobalNetworkPolicy "failsafe".
func (id ID) String() string {
	if id.Namespace != "" {
		return fmt.Sprintf("%s %q in namespace %q", id.Kind, id.Name, id.Namespace)
	}
	return fmt.Sprintf("%s %q", id.Kind, id.Name)
}

// DeepCopy returns a copy that shares nothing with the object.
func DeepCopy(obj Object) Object {
	c, ok := obj.DeepCopyObject().(Object)
	if !ok {
		panic(fmt.Sprintf("calico: the copy of a %T is no Object", obj))
	}
	return c
}
