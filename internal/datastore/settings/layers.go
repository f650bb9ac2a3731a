package settings

import "strings"

// value is what a layer says of one setting.
type value struct {
	// texts has one element, but for endpoints.
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

// fromEnvironment is what calicoctl's variables say, the ones prefixed CALICO_
// before the others. An empty variable is an unset one.
func fromEnvironment(env func(string) (string, bool)) layer {
	l := layer{}
	for _, d := range definitions {
		if d.variable == "" {
			continue
		}
		for _, variable := range []string{"CALICO_" + d.variable, d.variable} {
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

// split takes the comma-separated form of endpoints apart. The result is never nil.
func split(name Name, v string) []string {
	if name != NameEndpoints {
		return []string{v}
	}
	endpoints := []string{}
	for _, e := range strings.Split(v, ",") {
		if e = strings.TrimSpace(e); e != "" {
			endpoints = append(endpoints, e)
		}
	}
	return endpoints
}

// pairs are settings that say the same thing in two ways: a layer gives one of
// them, and whichever a stronger layer gives, weaker layers' other one is not
// used.
var pairs = etcdPairs

// merge takes each setting from the strongest layer that gives it or its twin.
func merge(layers ...layer) layer {
	merged := layer{}
	var groups [][]Name
	paired := map[Name]bool{}
	for _, p := range pairs {
		groups = append(groups, p[:])
		paired[p[0]], paired[p[1]] = true, true
	}
	for _, d := range definitions {
		if !paired[d.name] && d.name != NameDatastoreType {
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
// it. A layer that gives endpoints or a domain, but no kind, means etcd: a
// forgotten DATASTORE_TYPE=kubernetes does not redirect a provider block that
// names etcd's endpoints.
//
// calicoctl takes a domain alone for kubernetes, which leaves no use for the
// domain; here it means etcd, deliberately.
func datastoreType(layers []layer) (value, bool) {
	for _, l := range layers {
		if v, ok := l[NameDatastoreType]; ok {
			return v, true
		}
		for _, name := range etcdPlaces {
			if v, ok := l[name]; ok {
				return value{[]string{EtcdV3}, v.origin}, true
			}
		}
	}
	return value{}, false
}
