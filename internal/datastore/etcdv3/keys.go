package etcdv3

import (
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// root is where Calico keeps the resources of its v3 API, in every release
// (libcalico-go/lib/backend/model/resource.go).
const root = "/calico/resources/v3/projectcalico.org/"

// kindPrefix is the prefix of the keys of a kind. The slash at its end keeps
// kinds apart whose names begin alike.
func kindPrefix(kind calico.Kind) string {
	return root + kind.Plural() + "/"
}

func storedKey(kind calico.Kind, namespace, storedName string) string {
	if kind.Namespaced() {
		return kindPrefix(kind) + namespace + "/" + storedName
	}
	return kindPrefix(kind) + storedName
}

// storedName is the last part of a key.
func storedName(key string) string {
	return key[strings.LastIndexByte(key, '/')+1:]
}
