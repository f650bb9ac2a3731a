package kubernetes

import (
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// Type is what is true of every datastore in Kubernetes.
var Type = &datastore.Type{
	Name:       "kubernetes",
	Services:   true,
	Namespaces: true,
	Unwritable: map[calico.Kind]string{
		calico.KindProfile: "In the Kubernetes datastore there are no profiles to write: Calico makes one of each namespace (kns.NAMESPACE) and of each service account (ksa.NAMESPACE.NAME). " +
			"Put labels on the namespace or on the service account instead, and select them in the rules of a policy.",
	},
	Shared: map[calico.Kind]bool{calico.KindNode: true},
	Decode: decode,
	Look:   lookCommand,
	Remove: removeCommand,
}

func lookCommand(where string) string { return "kubectl get " + place(where) + " -o yaml" }

func removeCommand(where string) string { return "kubectl delete " + place(where) }

// Type is what is true of every datastore in Kubernetes; see datastore.Store.
func (s *Store) Type() *datastore.Type { return Type }

// place is where an object is stored, in the words of kubectl.
func place(where string) string {
	p := parseWhere(where)
	resource := p.plural
	if p.group != "" {
		resource += "." + p.group
	}
	text := resource + " " + safetext.Shell(p.name)
	if p.namespace != "" {
		text = "-n " + safetext.Shell(p.namespace) + " " + text
	}
	return text
}

// location is where an object is: the parts of its path in the API. Its text is what
// Stored.Where holds, such as crd.projectcalico.org/v1/networkpolicies/prod/default.web;
// objects of Kubernetes' own begin with v1/.
type location struct {
	group, version, plural, namespace, name string
}

func (l location) String() string {
	parts := []string{l.group, l.version, l.plural, l.namespace, l.name}
	var given []string
	for _, p := range parts {
		if p != "" {
			given = append(given, p)
		}
	}
	return strings.Join(given, "/")
}

// parseWhere is the reverse of String.
func parseWhere(where string) location {
	parts := strings.Split(where, "/")
	var l location
	if len(parts) > 0 && strings.Contains(parts[0], ".") {
		l.group, parts = parts[0], parts[1:]
	}
	switch len(parts) {
	case 4:
		l.version, l.plural, l.namespace, l.name = parts[0], parts[1], parts[2], parts[3]
	case 3:
		l.version, l.plural, l.name = parts[0], parts[1], parts[2]
	}
	return l
}

// path is the location's path at the API server; of the whole kind, and of a namespace
// only if that is set, if there is no name.
func (l location) path() string {
	var b strings.Builder
	if l.group == "" {
		b.WriteString("/api/" + l.version)
	} else {
		b.WriteString("/apis/" + l.group + "/" + l.version)
	}
	if l.namespace != "" {
		b.WriteString("/namespaces/" + segment(l.namespace))
	}
	b.WriteString("/" + l.plural)
	if l.name != "" {
		b.WriteString("/" + segment(l.name))
	}
	return b.String()
}

// resource is the kind's full name: globalnetworkpolicies.crd.projectcalico.org.
func (l location) resource() string {
	if l.group == "" {
		return l.plural
	}
	return l.plural + "." + l.group
}

// decode fills in the object of a stored value: see datastore.Type.
func decode(kind calico.Kind, stored *datastore.Stored) error {
	l := parseWhere(stored.Where)
	name := l.name
	if l.namespace != "" {
		name = l.namespace + "/" + name
	}
	object, err := storage.Decode(kind, name, stored.Raw)
	if err != nil {
		return corrupt(stored.Where, stored.Version, err)
	}
	stored.Object = object
	return nil
}

func corrupt(where, version string, err error) *datastore.CorruptError {
	return &datastore.CorruptError{Where: where, Version: version, Look: lookCommand(where), Err: err}
}
