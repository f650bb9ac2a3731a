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
		{ID{Kind: KindHostEndpoint, Name: "default.eth0"}, [4]string{"default.eth0", "default.eth0", "default.eth0", "default.eth0"}},
	} {
		for n := NamingPrefixed; n <= NamingPlain; n++ {
			if got := n.StoredName(test.id); got != test.want[n] {
				t.Errorf("%s: %+v is stored as %q, want %q", n, test.id, got, test.want[n])
			}
		}
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
	annotated := `{"metadata":{"annotations":{"projectcalico.org/metadata":"{\"name\":\"p\"}"}},"spec":{}}`
	for name, test := range map[string]struct {
		evidence Evidence
		want     Release
		assumed  bool
	}{
		"calicoVersion beats all": {Evidence{CalicoVersion: "v3.28.5", Tiers: map[string]bool{"kube-admin": true}}, Release{3, 28, 5}, false},
		"a version that is none":  {Evidence{CalicoVersion: "master", Tiers: map[string]bool{"kube-admin": true}}, Release{3, 32, lastPatch}, false},
		// An upgrade from v3.31 leaves the older tiers behind.
		"tiers of v3.32 over older ones": {Evidence{Tiers: map[string]bool{"default": true, "kube-admin": true, "adminnetworkpolicy": true}}, Release{3, 32, lastPatch}, false},
		"tiers of v3.31":                 {Evidence{Tiers: map[string]bool{"default": true, "adminnetworkpolicy": true, "baselineadminnetworkpolicy": true}}, Release{3, 31, lastPatch}, false},
		"tiers of v3.29":                 {Evidence{Tiers: map[string]bool{"default": true, "adminnetworkpolicy": true}}, Release{3, 29, lastPatch}, false},
		"a plain policy":                 {Evidence{Policies: []PolicyNaming{policy("p", `{"metadata":{"annotations":{"projectcalico.org/metadata":"{}"}},"spec":{"tier":"default"}}`)}}, Release{3, 32, lastPatch}, false},
		"an annotated policy":            {Evidence{Policies: []PolicyNaming{policy("default.p", annotated)}}, Release{3, 31, lastPatch}, false},
		"a prefixed policy with tiers":   {Evidence{Tiers: map[string]bool{"default": true}, Policies: []PolicyNaming{policy("default.p", `{"spec":{}}`)}}, Release{3, 29, 0}, false},
		"a prefixed policy, no tiers":    {Evidence{Policies: []PolicyNaming{policy("default.p", `{"spec":{}}`)}}, Release{3, 28, lastPatch}, false},
		"a corrupt policy":               {Evidence{Policies: []PolicyNaming{policy("p", `not JSON`)}}, Newest, true},
		"nothing":                        {Evidence{}, Newest, true},
	} {
		got, because, assumed := test.evidence.Release()
		if got != test.want || assumed != test.assumed {
			t.Errorf("%s: %s (assumed %v, because of %s), want %s (assumed %v)", name, got, assumed, because, test.want, test.assumed)
		}
	}
}
