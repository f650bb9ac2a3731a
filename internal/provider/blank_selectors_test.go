package provider_test

import (
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// A selector of blanks is all() to Calico: a policy without one means the same, and a rule
// does not.
func TestSelectorsOfBlanks(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	const key = policyKeys + "default.p"
	etcd.Put(t, key, storedJSON("GlobalNetworkPolicy", "default.p", "{}",
		`{"order":1,"selector":" \t","types":["Ingress"],"ingress":[{"action":"Allow","source":{"selector":"  "},"destination":{"notSelector":"\t"}}]}`))
	was := etcd.MustGet(t, key).Value
	policy := func(order string) string {
		return policyOf("p", "", "order = "+order+"\n  types = [\"Ingress\"]\n  ingress {\n    action = \"Allow\"\n    source {\n      selector = \"all()\"\n    }\n    destination {\n      not_selector = \"all()\"\n    }\n  }\n")
	}
	provider := etcdBlock(at(etcd.Endpoints...))
	w := newWorkspace(t, policy("1"), provider, "import {\n  to = calico_global_network_policy.p\n  id = \"p\"\n}\n")
	succeed(t, w, "apply")
	if now := etcd.MustGet(t, key).Value; now != was {
		t.Errorf("the import has written %s", now)
	}
	noChanges(t, w)
	rewrite(t, w, policy("2"), provider)
	succeed(t, w, "apply")
	noChanges(t, w)
}
