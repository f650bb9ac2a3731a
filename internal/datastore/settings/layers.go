package settings

import (
	"path/filepath"
	"slices"
	"strings"
)

// value is what a layer says of one setting.
type value struct {
	// texts has one element, but for endpoints and kubeconfig files, and for blocks.
	texts  []string
	origin Origin
}

func (v value) text() string {
	if len(v.texts) == 0 {
		return ""
	}
	return v.texts[0]
}

// layer is what one place says.
type layer map[Name]value

// fromConfiguration is what the provider block says.
func fromConfiguration(s Settings) layer {
	l := layer{}
	for _, d := range definitions {
		if given := d.given(s); given != nil {
			l[d.name] = value{given, Origin{Configuration, string(d.name)}}
		}
	}
	return l
}

// fromEnvironment is what the environment variables say, calicoctl's before the others,
// and of those the ones prefixed CALICO_ first. An empty variable is an unset one.
func fromEnvironment(env func(string) (string, bool)) layer {
	l := layer{}
	for _, d := range definitions {
		for _, variable := range d.variables {
			if v, _ := env(variable); v != "" {
				l[d.name] = value{split(d.name, v), Origin{Environment, "environment variable " + variable}}
				break
			}
		}
	}
	return l
}

// fromFile is what a calicoctl configuration file says.
func fromFile(path string, s Settings) layer {
	l := layer{}
	for _, d := range definitions {
		if given := d.given(s); given != nil {
			l[d.name] = value{split(d.name, given[0]), Origin{File, "file " + path + ", spec." + d.field}}
		}
	}
	return l
}

// split takes the lists apart that are written as one text: endpoints, and kubeconfig
// files. The result is never nil.
func split(name Name, v string) []string {
	var elements []string
	switch name {
	case NameEndpoints:
		elements = strings.Split(v, ",")
	case NameConfigPath:
		elements = filepath.SplitList(v)
	default:
		return []string{v}
	}
	list := []string{}
	for _, e := range elements {
		if e = strings.TrimSpace(e); e != "" && !slices.Contains(list, e) {
			list = append(list, e)
		}
	}
	return list
}

// pairs are settings that say the same thing in two ways: a layer gives one of
// them, and whichever a stronger layer gives, weaker layers' other one is not
// used.
var pairs = slices.Concat(etcdPairs, kubernetesPairs)

// together are settings that are taken from one layer, the strongest that gives any of
// them, all or some of which it may give.
var together = [][]Name{kubernetesPlaces}

// merge takes each setting from the strongest layer that gives it or its twin.
func merge(layers ...layer) layer {
	merged := layer{}
	groups := slices.Clone(together)
	for _, p := range pairs {
		groups = append(groups, p[:])
	}
	grouped := slices.Concat(groups...)
	for _, d := range definitions {
		if !slices.Contains(grouped, d.name) && d.name != NameDatastoreType {
			groups = append(groups, []Name{d.name})
		}
	}
	for _, group := range groups {
		for _, l := range layers {
			found := false
			for _, name := range group {
				if v, ok := l[name]; ok {
					merged[name], found = v, true
				}
			}
			if found {
				break
			}
		}
	}
	if v, ok := datastoreType(layers); ok {
		merged[NameDatastoreType] = v
	}
	return merged
}

// datastoreType takes the kind of datastore from the strongest layer that tells
// it. A layer that gives a block, or where a datastore is, but no kind, means that
// datastore: a forgotten DATASTORE_TYPE=kubernetes does not redirect a provider block
// that names etcd's endpoints. Only of the environment nothing about Kubernetes is
// inferred: many have a KUBECONFIG there, for kubectl.
//
// calicoctl takes a domain alone for kubernetes, which leaves no use for the
// domain; here it means etcd, deliberately.
func datastoreType(layers []layer) (value, bool) {
	for _, l := range layers {
		if v, ok := l[NameDatastoreType]; ok {
			return v, true
		}
		for _, name := range append([]Name{NameEtcdBlock}, etcdPlaces[:]...) {
			if v, ok := l[name]; ok {
				return value{[]string{EtcdV3}, v.origin}, true
			}
		}
		for _, name := range append([]Name{NameKubernetesBlock}, kubernetesPlaces...) {
			if v, ok := l[name]; ok && v.origin.Layer != Environment {
				return value{[]string{Kubernetes}, v.origin}, true
			}
		}
	}
	return value{}, false
}

// asks tells whether a layer names the kind of datastore, and no stronger one another.
func asks(layers []layer, kind string) bool {
	for _, l := range layers {
		if v, ok := l[NameDatastoreType]; ok {
			return v.text() == kind
		}
	}
	return false
}
