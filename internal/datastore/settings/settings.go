// Package settings finds out how to reach a datastore: from the provider's
// configuration, from calicoctl's environment variables and from a calicoctl
// configuration file, in this order, one setting at a time.
package settings

import (
	"fmt"
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
	// Endpoints are URLs such as https://10.0.0.1:2379. A list that is there
	// but empty is a mistake, not an unset list.
	Endpoints []string
	// DiscoverySRV is the domain whose SRV records name the endpoints.
	DiscoverySRV string
	// Username and Password are those of an etcd user.
	Username, Password string
	// CACert, Cert and Key are PEM text.
	CACert, Cert, Key string
	// CACertFile, CertFile and KeyFile name PEM files. A relative name is
	// relative to the working directory, as calicoctl takes it.
	CACertFile, CertFile, KeyFile string
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

// Name is the name of a setting: that of its attribute in the provider block.
type Name string

// The settings. DatastoreType and ConfigFile are attributes of the provider
// itself, all others of its block "etcd".
const (
	NameDatastoreType Name = "datastore_type"
	NameConfigFile    Name = "config_file"
	NameEndpoints     Name = "endpoints"
	NameDiscoverySRV  Name = "discovery_srv"
	NameUsername      Name = "username"
	NamePassword      Name = "password"
	NameCACert        Name = "ca_cert"
	NameCert          Name = "cert"
	NameKey           Name = "key"
	NameCACertFile    Name = "ca_cert_file"
	NameCertFile      Name = "cert_file"
	NameKeyFile       Name = "key_file"
)

// InEtcd tells whether the setting is an attribute of the block "etcd".
func (n Name) InEtcd() bool { return n != NameDatastoreType && n != NameConfigFile }

// Attribute is how a user writes the setting's place in the provider block,
// such as etcd.endpoints.
func (n Name) Attribute() string {
	if n.InEtcd() {
		return "etcd." + string(n)
	}
	return string(n)
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
	// variable is the environment variable, without the prefix CALICO_. Empty
	// for what calicoctl keeps out of the environment.
	variable string
	// field is the field of a calicoctl configuration file, below spec.
	field string
	given func(Settings) []string
}

var definitions = []definition{
	{NameDatastoreType, "DATASTORE_TYPE", "datastoreType", text(func(s Settings) string { return s.DatastoreType })},
	{NameEndpoints, "ETCD_ENDPOINTS", "etcdEndpoints", func(s Settings) []string { return s.Endpoints }},
	{NameDiscoverySRV, "ETCD_DISCOVERY_SRV", "etcdDiscoverySrv", text(func(s Settings) string { return s.DiscoverySRV })},
	{NameUsername, "ETCD_USERNAME", "etcdUsername", text(func(s Settings) string { return s.Username })},
	{NamePassword, "ETCD_PASSWORD", "etcdPassword", text(func(s Settings) string { return s.Password })},
	{NameCACert, "", "etcdCACert", text(func(s Settings) string { return s.CACert })},
	{NameCACertFile, "ETCD_CA_CERT_FILE", "etcdCACertFile", text(func(s Settings) string { return s.CACertFile })},
	{NameCert, "", "etcdCert", text(func(s Settings) string { return s.Cert })},
	{NameCertFile, "ETCD_CERT_FILE", "etcdCertFile", text(func(s Settings) string { return s.CertFile })},
	{NameKey, "", "etcdKey", text(func(s Settings) string { return s.Key })},
	{NameKeyFile, "ETCD_KEY_FILE", "etcdKeyFile", text(func(s Settings) string { return s.KeyFile })},
}

// text adapts a setting with one value; the empty text is unset.
func text(get func(Settings) string) func(Settings) []string {
	return func(s Settings) []string {
		if v := get(s); v != "" {
			return []string{v}
		}
		return nil
	}
}
