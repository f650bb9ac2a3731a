package calico

import (
	"slices"
	"testing"
)

func TestParseRelease(t *testing.T) {
	for text, want := range map[string]Release{
		"3.31":                 {3, 31, lastPatch},
		"v3.31.0":              {3, 31, 0},
		"3.29.4":               {3, 29, 4},
		"v3.32.1-12-gabcdef":   {3, 32, 1},
		"v3.29.0-0.dev-1-gabc": {3, 29, 0},
	} {
		got, err := ParseRelease(text)
		if err != nil || got != want {
			t.Errorf("ParseRelease(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "3", "latest", "v3.x", "2.6", "v2.6.12", "3.31.0.1", " 3.31"} {
		if got, err := ParseRelease(text); err == nil {
			t.Errorf("ParseRelease(%q) = %v, want an error", text, got)
		}
	}
}

func TestReleaseNaming(t *testing.T) {
	for text, want := range map[string]Naming{
		"3.0": NamingPrefixed, "3.28": NamingPrefixed, "v3.28.5": NamingPrefixed,
		"v3.29.0": NamingTiered, "v3.29.3": NamingTiered,
		"v3.29.4": NamingAnnotated, "3.29": NamingAnnotated, "v3.30.0": NamingAnnotated, "v3.31.0": NamingAnnotated,
		"v3.32.0": NamingPlain, "3.33": NamingPlain, "4.0": NamingPlain,
	} {
		r, err := ParseRelease(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Naming(); got != want {
			t.Errorf("%s: naming %s, want %s", text, got, want)
		}
	}
}

func TestStoredName(t *testing.T) {
	gnp := func(name, tier string) ID { return ID{Kind: KindGlobalNetworkPolicy, Name: name, Tier: tier} }
	np := func(name, tier string) ID {
		return ID{Kind: KindNetworkPolicy, Namespace: "n", Name: name, Tier: tier}
	}
	for _, test := range []struct {
		id   ID
		want [4]string // by Naming
	}{
		{gnp("p", ""), [4]string{"default.p", "default.p", "default.p", "p"}},
		{gnp("p", "default"), [4]string{"default.p", "default.p", "default.p", "p"}},
		{gnp("default.p", ""), [4]string{"default.p", "default.p", "default.p", "default.p"}},
		{gnp("sec.q", "sec"), [4]string{"sec.q", "sec.q", "sec.q", "sec.q"}},
		{gnp("ossg.x", ""), [4]string{"ossg.x", "ossg.x", "ossg.x", "ossg.x"}},
		{ID{Kind: KindNetworkPolicy, Namespace: "n", Name: "p"}, [4]string{"default.p", "default.p", "default.p", "p"}},
		{ID{Kind: KindNetworkPolicy, Namespace: "n", Name: "ossg.default.p"}, [4]string{"ossg.default.p", "ossg.default.p", "ossg.default.p", "ossg.default.p"}},
		{ID{Kind: KindStagedNetworkPolicy, Namespace: "n", Name: "knp.default.p"}, [4]string{"knp.default.p", "knp.default.p", "knp.default.p", "knp.default.p"}},
		// In v3.32 any name goes into any tier, even one that looks like another's.
		{gnp("other.p", "sec"), [4]string{"other.p", "other.p", "other.p", "other.p"}},
		// The other kinds that belong to a tier are stored alike, but for the names
		// that Calico makes out of Kubernetes' and OpenStack's policies.
		{np("p", ""), [4]string{"default.p", "default.p", "default.p", "p"}},
		{np("sec.q", "sec"), [4]string{"sec.q", "sec.q", "sec.q", "sec.q"}},
		{np("knp.default.web", ""), [4]string{"knp.default.web", "knp.default.web", "knp.default.web", "knp.default.web"}},
		{np("ossg.default.web", ""), [4]string{"ossg.default.web", "ossg.default.web", "ossg.default.web", "ossg.default.web"}},
		{ID{Kind: KindStagedGlobalNetworkPolicy, Name: "p"}, [4]string{"default.p", "default.p", "default.p", "p"}},
		{ID{Kind: KindStagedNetworkPolicy, Namespace: "n", Name: "p"}, [4]string{"default.p", "default.p", "default.p", "p"}},
		{ID{Kind: KindHostEndpoint, Name: "default.eth0"}, [4]string{"default.eth0", "default.eth0", "default.eth0", "default.eth0"}},
	} {
		for n := NamingPrefixed; n <= NamingPlain; n++ {
			if got := n.StoredName(test.id); got != test.want[n] {
				t.Errorf("%s: %+v is stored as %q, want %q", n, test.id, got, test.want[n])
			}
		}
	}
}

// TestUserName goes the way back from what each release stores, and from what its
// migrator leaves, to the name that the user wrote.
func TestUserName(t *testing.T) {
	for _, test := range []struct{ storedName, annotation, tier, want string }{
		{"default.p", "", "", "p"},                             // up to v3.29.3
		{"default.p", `{"name":"p"}`, "", "p"},                 // v3.29.4 to v3.31
		{"default.p", `{"name":"default.p"}`, "", "default.p"}, // by a user who wrote it so
		{"default.p", "", "default", "p"},
		{"p", `{"name":"p"}`, "default", "p"}, // v3.32
		{"p", `{"name":"p"}`, "", "p"},        // from the migrator
		{"default.p", `{"name":"default.p"}`, "default", "default.p"},
		{"p", "", "", "p"},
		{"sec.q", "", "sec", "sec.q"},
		{"sec.q", `{"name":"sec.q"}`, "sec", "sec.q"},
		{"q", `{"name":"q"}`, "sec", "q"},
		{"default.q", "", "sec", "default.q"}, // v3.32 takes any name in any tier
		{"web.p", "", "", "web.p"},
		{"ossg.x", "", "", "ossg.x"},
		// An annotation that tells no name tells nothing.
		{"default.p", `not JSON`, "", "p"},
		{"default.p", `{}`, "", "p"},
		{"default.p", `{"name":""}`, "", "p"},
	} {
		annotations := map[string]string{}
		if test.annotation != "" {
			annotations[MetadataAnnotation] = test.annotation
		}
		id := ID{Kind: KindGlobalNetworkPolicy, Name: test.storedName, Tier: test.tier}
		if got := userName(id, annotations); got != test.want {
			t.Errorf("%q in tier %q with annotation %s is %q to its user, want %q", test.storedName, test.tier, test.annotation, got, test.want)
		}
	}
	made := ID{Kind: KindNetworkPolicy, Namespace: "n", Name: "knp.default.web"}
	if got := userName(made, nil); got != made.Name {
		t.Errorf("%s is %q to its user", made, got)
	}
}

func TestStoredNamesHoldsEveryReleasesName(t *testing.T) {
	for _, test := range []struct {
		naming Naming
		id     ID
		want   []string
	}{
		{NamingPlain, ID{Kind: KindGlobalNetworkPolicy, Name: "p"}, []string{"p", "default.p"}},
		{NamingPlain, ID{Kind: KindGlobalNetworkPolicy, Name: "default.p"}, []string{"default.p", "p"}},
		{NamingAnnotated, ID{Kind: KindGlobalNetworkPolicy, Name: "p"}, []string{"default.p", "p"}},
		{NamingPrefixed, ID{Kind: KindGlobalNetworkPolicy, Name: "default.p"}, []string{"default.p", "p"}},
		{NamingAnnotated, ID{Kind: KindGlobalNetworkPolicy, Name: "sec.q", Tier: "sec"}, []string{"sec.q"}},
		{NamingPlain, ID{Kind: KindHostEndpoint, Name: "db1-eth0"}, []string{"db1-eth0"}},
	} {
		if got := test.naming.StoredNames(test.id); !slices.Equal(got, test.want) {
			t.Errorf("%s: %+v may be stored as %q, want %q", test.naming, test.id, got, test.want)
		}
	}
}

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

func TestEvidence(t *testing.T) {
	policy := func(name, value string) PolicyNaming { return PolicyEvidence(name, []byte(value)) }
	filled := `{"metadata":{"labels":{"projectcalico.org/tier":"default"},"annotations":{"projectcalico.org/metadata":"{}"}},"spec":{"tier":"default"}}`
	annotated := `{"metadata":{"annotations":{"projectcalico.org/metadata":"{\"name\":\"p\"}"}},"spec":{}}`
	for name, test := range map[string]struct {
		evidence Evidence
		want     Release
		assumed  bool
	}{
		"calicoVersion beats all": {Evidence{CalicoVersion: "v3.28.5", Tiers: map[string]bool{"kube-admin": true}}, Release{3, 28, 5}, false},
		"a version that is none":  {Evidence{CalicoVersion: "master", Tiers: map[string]bool{"kube-admin": true}}, Release{3, 32, lastPatch}, false},
		// An upgrade from v3.31 leaves the older tiers behind.
		"tiers of v3.32 over older ones":      {Evidence{Tiers: map[string]bool{"default": true, "kube-admin": true, "adminnetworkpolicy": true}}, Release{3, 32, lastPatch}, false},
		"tiers of v3.31":                      {Evidence{Tiers: map[string]bool{"default": true, "adminnetworkpolicy": true, "baselineadminnetworkpolicy": true}}, Release{3, 31, lastPatch}, false},
		"tiers of v3.29":                      {Evidence{Tiers: map[string]bool{"default": true, "adminnetworkpolicy": true}}, Release{3, 29, lastPatch}, false},
		"a plain policy":                      {Evidence{Policies: []PolicyNaming{policy("p", `{"metadata":{"annotations":{"projectcalico.org/metadata":"{}"}},"spec":{"tier":"default"}}`)}}, Release{3, 32, lastPatch}, false},
		"an annotated policy":                 {Evidence{Policies: []PolicyNaming{policy("default.p", annotated)}}, Release{3, 31, lastPatch}, false},
		"a prefixed policy with tiers":        {Evidence{Tiers: map[string]bool{"default": true}, Policies: []PolicyNaming{policy("default.p", `{"spec":{}}`)}}, Release{3, 29, 0}, false},
		"a prefixed policy, no tiers":         {Evidence{Policies: []PolicyNaming{policy("default.p", `{"spec":{}}`)}}, Release{3, 28, lastPatch}, false},
		"initialised without tiers":           {Evidence{Initialised: true}, Release{3, 28, lastPatch}, false},
		"initialised with a tier of a user":   {Evidence{Initialised: true, Tiers: map[string]bool{"sec": true}}, Release{3, 28, lastPatch}, false},
		"initialised with the tier default":   {Evidence{Initialised: true, Tiers: map[string]bool{"default": true}}, Newest, true},
		"initialised with a tier of v3.32":    {Evidence{Initialised: true, Tiers: map[string]bool{"kube-admin": true}}, Release{3, 32, lastPatch}, false},
		"no tiers beat policies":              {Evidence{Initialised: true, Policies: []PolicyNaming{policy("default.p", annotated)}}, Release{3, 28, lastPatch}, false},
		"a version that is none, no tiers":    {Evidence{CalicoVersion: "master", Initialised: true}, Release{3, 28, lastPatch}, false},
		"calicoVersion beats no tiers":        {Evidence{CalicoVersion: "v3.31.2", Initialised: true}, Release{3, 31, 2}, false},
		"the tier of v3.32 alone":             {Evidence{Tiers: map[string]bool{"kube-admin": true}}, Release{3, 32, lastPatch}, false},
		"the tier of v3.30 alone":             {Evidence{Tiers: map[string]bool{"baselineadminnetworkpolicy": true}}, Release{3, 31, lastPatch}, false},
		"the tier default alone":              {Evidence{Tiers: map[string]bool{"default": true}}, Newest, true},
		"a tier of a user alone":              {Evidence{Tiers: map[string]bool{"sec": true}}, Newest, true},
		"a policy of a tier, annotated":       {Evidence{Policies: []PolicyNaming{policy("sec.q", annotated)}}, Release{3, 31, lastPatch}, false},
		"a policy of a tier by itself":        {Evidence{Policies: []PolicyNaming{policy("sec.q", `{"spec":{"tier":"sec"}}`)}}, Newest, true},
		"a policy of kube-controllers":        {Evidence{Policies: []PolicyNaming{policy("knp.default.p", annotated), policy("ossg.default.p", annotated)}}, Newest, true},
		"a migrated policy by itself":         {Evidence{Policies: []PolicyNaming{policy("p", annotated)}}, Release{3, 32, lastPatch}, false},
		"a plain policy with a dot":           {Evidence{Policies: []PolicyNaming{policy("default.p", filled)}}, Release{3, 32, lastPatch}, false},
		"the tier default in spec.tier alone": {Evidence{Policies: []PolicyNaming{policy("default.p", `{"metadata":{"annotations":{"projectcalico.org/metadata":"{}"}},"spec":{"tier":"default"}}`)}}, Release{3, 31, lastPatch}, false},
		"a plain name without its annotation": {Evidence{Policies: []PolicyNaming{policy("p", `{"spec":{"tier":"default"}}`)}}, Newest, true},
		// What contradicts each other: the stronger sign wins, whichever it is.
		"calicoVersion beats newer tiers":      {Evidence{CalicoVersion: "v3.29.2", Tiers: map[string]bool{"kube-admin": true, "adminnetworkpolicy": true}}, Release{3, 29, 2}, false},
		"calicoVersion beats policies":         {Evidence{CalicoVersion: "v3.32.1", Policies: []PolicyNaming{policy("default.p", `{"spec":{}}`)}}, Release{3, 32, 1}, false},
		"calicoVersion of a development build": {Evidence{CalicoVersion: "v3.31.0-12-gabcdef", Policies: []PolicyNaming{policy("p", annotated)}}, Release{3, 31, 0}, false},
		"tiers beat policies":                  {Evidence{Tiers: map[string]bool{"kube-admin": true}, Policies: []PolicyNaming{policy("default.p", `{"spec":{}}`)}}, Release{3, 32, lastPatch}, false},
		"older tiers beat newer policies":      {Evidence{Tiers: map[string]bool{"adminnetworkpolicy": true}, Policies: []PolicyNaming{policy("p", `{"metadata":{"annotations":{"projectcalico.org/metadata":"{}"}},"spec":{"tier":"default"}}`)}}, Release{3, 29, lastPatch}, false},
		"one plain policy beats prefixed ones": {Evidence{Policies: []PolicyNaming{policy("default.o", `{"spec":{}}`), policy("default.p", annotated), policy("q", `{"metadata":{"annotations":{"projectcalico.org/metadata":"{}"}},"spec":{"tier":"default"}}`)}}, Release{3, 32, lastPatch}, false},
		"an annotated policy beats older ones": {Evidence{Policies: []PolicyNaming{policy("default.p", annotated), policy("default.o", `{"spec":{}}`)}}, Release{3, 31, lastPatch}, false},
		"a corrupt policy":                     {Evidence{Policies: []PolicyNaming{policy("p", `not JSON`)}}, Newest, true},
		"nothing":                              {Evidence{}, Newest, true},
	} {
		got, because, assumed := test.evidence.Release()
		if got != test.want || assumed != test.assumed {
			t.Errorf("%s: %s (assumed %v, because of %s), want %s (assumed %v)", name, got, assumed, because, test.want, test.assumed)
		}
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
