package calico

import "testing"

func TestShortNamesOnePolicyOnce(t *testing.T) {
	a := ID{Kind: KindGlobalNetworkPolicy, Name: "failsafe"}
	b := ID{Kind: KindGlobalNetworkPolicy, Name: "default.failsafe", Tier: "default"}
	if a.Short() != b.Short() {
		t.Errorf("%v and %v are one policy", a, b)
	}
	c := ID{Kind: KindGlobalNetworkPolicy, Name: "sec.failsafe", Tier: "sec"}
	if a.Short() == c.Short() {
		t.Errorf("%v and %v are two policies", a, c)
	}
}

func TestMadeByCalico(t *testing.T) {
	object := func(kind Kind, namespace, name string, labels map[string]string) Object {
		obj := kind.New()
		obj.SetNamespace(namespace)
		obj.SetName(name)
		obj.SetLabels(labels)
		return obj
	}
	for _, c := range []struct {
		obj  Object
		want bool
	}{
		{object(KindTier, "", "default", nil), true},
		{object(KindTier, "", "security", nil), false},
		{object(KindFelixConfiguration, "", "default", nil), true},
		{object(KindFelixConfiguration, "", "node.db1", nil), false},
		{object(KindProfile, "", "kns.web", nil), true},
		{object(KindProfile, "", "ksa.web.default", nil), true},
		{object(KindProfile, "", "web", nil), false},
		{object(KindHostEndpoint, "", "db1-auto-hep", map[string]string{"projectcalico.org/created-by": "calico-kube-controllers"}), true},
		{object(KindHostEndpoint, "", "db1-eth0", map[string]string{"role": "db"}), false},
		{object(KindNetworkPolicy, "web", "knp.default.web", nil), true},
		{object(KindNetworkPolicy, "web", "web", nil), false},
		{object(KindGlobalNetworkPolicy, "", "failsafe", nil), false},
		{object(KindNode, "", "db1", nil), false},
	} {
		if got := MadeByCalico(c.obj, Release{3, 31, 0}); got != c.want {
			t.Errorf("MadeByCalico(%s) = %t, want %t", IDOf(c.obj), got, c.want)
		}
	}
}
