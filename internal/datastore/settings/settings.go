// Package settings finds out how to reach a datastore: from the provider's
// configuration, from environment variables (calicoctl's, and for Kubernetes those of
// HashiCorp's provider, too) and from a calicoctl configuration file, in this order, one
// setting at a time.
package settings

import (
	"fmt"
	"slices"
	"strings"
)

// The kinds of datastore.
const (
	EtcdV3     = "etcdv3"
	Kubernetes = "kubernetes"
	// None stands for no datastore: nothing can be read or written. calicoctl has
	// no such kind.
	None = "none"
)

// Settings are the settings that one place gives. The zero value of a field
// means that the place does not give it.
type Settings struct {
	// DatastoreType is EtcdV3, Kubernetes or None.
	DatastoreType string
	// EtcdBlock and KubernetesBlock are true if the provider has the block, whatever is
	// in it.
	EtcdBlock, KubernetesBlock bool
	Etcd
	Kubernetes KubernetesSettings
}

// String names the settings that are given, without their values.
func (s Settings) String() string {
	var names []string
	for _, d := range definitions {
		if d.given(s) != nil {
			names = append(names, string(d.name))
		}
	}
	return fmt.Sprintf("settings{%s}", strings.Join(names, " "))
}

// GoString is String, so that no way of printing shows a secret.
func (s Settings) GoString() string { return s.String() }

// Name is how a user writes a setting's place in the provider block, such as
// datastore_type or etcd.endpoints.
type Name string

// The settings that are attributes or blocks of the provider itself, and not in a block.
const (
	NameDatastoreType   Name = "datastore_type"
	NameConfigFile      Name = "config_file"
	NameEtcdBlock       Name = "etcd"
	NameKubernetesBlock Name = "kubernetes"
)

// Steps takes the name apart: the blocks that the attribute is in, from the outside, and
// the attribute.
func (n Name) Steps() []string { return strings.Split(string(n), ".") }

// short is the name within its datastore's block.
func (n Name) short() string {
	_, attribute, found := strings.Cut(string(n), ".")
	if !found {
		return string(n)
	}
	return attribute
}

// Layer is one of the places that settings come from.
type Layer int

// The layers, the strongest first.
const (
	Configuration Layer = iota + 1
	Environment
	File
)

// Origin tells where the value of a setting came from.
type Origin struct {
	Layer Layer
	place string
}

// String is an attribute (etcd.endpoints), a variable (environment variable
// ETCD_ENDPOINTS) or a field of a file (file /etc/calicoctl.cfg, spec.etcdEndpoints).
func (o Origin) String() string { return o.place }

// definition is what the layers call a setting, and how it is told from a Settings.
type definition struct {
	name Name
	// variables are the environment variables; the first that is set counts. There are
	// none for what is kept out of the environment.
	variables []string
	// field is the field of a calicoctl configuration file, below spec; "" for none.
	field string
	given func(Settings) []string
}

// calicoctl are the names of a variable of calicoctl, and of variables of others that say
// the same.
func calicoctl(variable string, others ...string) []string {
	return append([]string{"CALICO_" + variable, variable}, others...)
}

// definitions are those of the settings of every datastore.
var definitions = slices.Concat([]definition{
	{NameDatastoreType, calicoctl("DATASTORE_TYPE"), "datastoreType", text(func(s Settings) string { return s.DatastoreType })},
	{NameEtcdBlock, nil, "", there(func(s Settings) bool { return s.EtcdBlock })},
	{NameKubernetesBlock, nil, "", there(func(s Settings) bool { return s.KubernetesBlock })},
}, etcdDefinitions, kubernetesDefinitions)

// text adapts a setting with one value; the empty text is unset.
func text(get func(Settings) string) func(Settings) []string {
	return func(s Settings) []string {
		if v := get(s); v != "" {
			return []string{v}
		}
		return nil
	}
}

// there adapts a block: it has no value of its own.
func there(is func(Settings) bool) func(Settings) []string {
	return func(s Settings) []string {
		if is(s) {
			return []string{}
		}
		return nil
	}
}
