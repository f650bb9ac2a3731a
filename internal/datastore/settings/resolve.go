package settings

import (
	"fmt"
	"strings"
)

// Resolved are the settings to use. It is complete and checked.
type Resolved struct {
	// DatastoreType is EtcdV3, Kubernetes or None.
	DatastoreType string
	// ResolvedEtcd is empty but for EtcdV3.
	ResolvedEtcd
	// ResolvedKubernetes is empty but for Kubernetes.
	ResolvedKubernetes

	origins map[Name]Origin
}

// Origin tells where the value of a setting came from; false for a setting that
// no place gave, or that is not used.
func (r Resolved) Origin(name Name) (Origin, bool) {
	o, ok := r.origins[name]
	return o, ok
}

// String names the datastore and tells where each setting came from, without
// values that are secret.
func (r Resolved) String() string {
	var b strings.Builder
	b.WriteString(r.DatastoreType)
	b.WriteString(r.ResolvedEtcd.place())
	b.WriteString(r.ResolvedKubernetes.place())
	for _, d := range definitions {
		if o, ok := r.origins[d.name]; ok {
			fmt.Fprintf(&b, "; %s from %s", d.name.short(), o)
		}
	}
	return b.String()
}

// GoString is String, so that no way of printing shows a secret.
func (r Resolved) GoString() string { return r.String() }

// Check finds what is wrong with the settings of the provider block whatever the
// environment and files may add to them. It reads no file. A setting whose value
// is not known yet is passed as unset.
func Check(explicit Settings) Problems {
	var problems Problems
	r := &Resolved{origins: map[Name]Origin{}}
	given := merge(fromConfiguration(explicit))
	checkType(r, given, &problems)
	checkBlocks(given, &problems)
	checkAlternatives(given, pairs, &problems)
	takeDiscovery(r, given, &problems)
	takeKubernetes(r, given, explicit.Kubernetes.Exec, &problems)
	return problems
}

// Resolve puts the settings together: explicit ones, those of the provider
// block, before environment variables before a calicoctl configuration file.
//
//   - env looks up an environment variable, as os.LookupEnv does. An empty
//     variable counts as unset (to calicoctl it is set, and an error for some).
//   - configFile is the provider's config_file. Where it is empty, the variable
//     CALICOCTL_CONFIG may name the file. No file is read that neither names,
//     calicoctl's default path included.
//   - Every setting is taken from the first place that gives it, each by
//     itself; calicoctl would use only one place. Of two settings that say the
//     same in two ways (endpoints and discovery_srv; ca_cert and ca_cert_file,
//     and so on), the one in the stronger place counts. So it is with what says
//     where an API server is (config_path, host, an inline kubeconfig): a
//     forgotten KUBECONFIG or KUBE_HOST does not redirect a provider block.
//   - The kind of datastore is that of the block, of the endpoints, or of what
//     else a place gives, where it gives no kind; but of variables about
//     Kubernetes alone nothing follows.
//   - The service account of the pod is used only if the kind kubernetes is asked
//     for by its name, and nothing else is said about Kubernetes.
//
// Where the problems' Err is not nil, the settings are not to be used.
func Resolve(explicit Settings, env func(string) (string, bool), configFile string) (Resolved, Problems) {
	var problems Problems
	layers := []layer{fromConfiguration(explicit), fromEnvironment(env)}
	if path, origin := namedFile(configFile, env); path != "" {
		layers = append(layers, readFile(path, origin, &problems))
	}
	merged := merge(layers...)

	r := Resolved{origins: map[Name]Origin{}}
	checkType(&r, merged, &problems)
	if !checkBlocks(merged, &problems) {
		return r, problems
	}
	switch r.DatastoreType {
	case None:
	case Kubernetes:
		host, _ := env(podVariable)
		resolveKubernetes(&r, merged, explicit.Kubernetes.Exec, host != "" && asks(layers, Kubernetes), &problems)
	default:
		checkAlternatives(merged, etcdPairs, &problems)
		resolveEtcd(&r, merged, &problems)
	}
	return r, problems
}

func has(l layer, names ...Name) bool {
	for _, n := range names {
		if _, ok := l[n]; ok {
			return true
		}
	}
	return false
}

// checkType checks the kind of datastore.
func checkType(r *Resolved, merged layer, problems *Problems) {
	v, ok := merged[NameDatastoreType]
	if !ok {
		r.DatastoreType = EtcdV3
		return
	}
	r.DatastoreType = v.text()
	r.origins[NameDatastoreType] = v.origin
	if r.DatastoreType != EtcdV3 && r.DatastoreType != Kubernetes && r.DatastoreType != None {
		problems.add(NameDatastoreType, v.origin, "Unknown kind of datastore",
			"%s is %q. Calico keeps its objects in %q or in %q.", v.origin, r.DatastoreType, EtcdV3, Kubernetes)
	}
}

// checkBlocks finds a block of another datastore than that which is asked for beside it;
// false if there is one.
func checkBlocks(merged layer, problems *Problems) bool {
	etcd, hasEtcd := merged[NameEtcdBlock]
	kubernetes, hasKubernetes := merged[NameKubernetesBlock]
	if hasEtcd && hasKubernetes {
		problems.add(NameKubernetesBlock, kubernetes.origin, "Two datastores",
			"The blocks etcd and kubernetes are both given, but one provider block stands for one datastore. Take one of them out; another provider block, with an alias, may have the other datastore.")
		return false
	}
	kind := merged[NameDatastoreType]
	if kind.origin.Layer != Configuration {
		return true
	}
	var other value
	switch {
	case hasEtcd && kind.text() == Kubernetes:
		other = etcd
	case hasKubernetes && kind.text() == EtcdV3:
		other = kubernetes
	default:
		return true
	}
	problems.add(NameDatastoreType, kind.origin, "Block of another datastore",
		"datastore_type is %q, but there is the block %s. Take the block out, or datastore_type: it follows from the block.", kind.text(), other.origin)
	return false
}

// checkAlternatives finds settings that are given in two ways in one place. Some
// certificates may be texts and others files, such as a key out of a secret store beside
// the file of a CA (calicoctl wants them alike).
func checkAlternatives(merged layer, pairs [][2]Name, problems *Problems) {
	for _, pair := range pairs {
		a, both := merged[pair[0]]
		b, ok := merged[pair[1]]
		if both && ok {
			problems.add(pair[1], b.origin, fmt.Sprintf("Both %s and %s", pair[0].short(), pair[1].short()),
				"%s and %s are both given. Give one of them.", a.origin, b.origin)
		}
	}
}
