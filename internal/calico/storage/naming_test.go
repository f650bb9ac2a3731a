package storage

import (
	"slices"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

func TestReleaseNaming(t *testing.T) {
	for text, want := range map[string]Naming{
		"3.0": NamingPrefixed, "3.28": NamingPrefixed, "v3.28.5": NamingPrefixed,
		"v3.29.0": NamingTiered, "v3.29.3": NamingTiered,
		"v3.29.4": NamingAnnotated, "3.29": NamingAnnotated, "v3.30.0": NamingAnnotated, "v3.31.0": NamingAnnotated,
		"v3.32.0": NamingPlain, "3.33": NamingPlain, "4.0": NamingPlain,
	} {
		r, err := calico.ParseRelease(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := NamingOf(r); got != want {
			t.Errorf("%s: naming %s, want %s", text, got, want)
		}
	}
}

func TestStoredName(t *testing.T) {
	gnp := func(name, tier string) calico.ID {
		return calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: name, Tier: tier}
	}
	np := func(name, tier string) calico.ID {
		return calico.ID{Kind: calico.KindNetworkPolicy, Namespace: "n", Name: name, Tier: tier}
	}
	for _, test := range []struct {
		id   calico.ID
		want [4]string // by Naming
	}{
		{gnp("p", ""), [4]string{"default.p", "default.p", "default.p", "p"}},
		{gnp("p", "default"), [4]string{"default.p", "default.p", "default.p", "p"}},
		{gnp("default.p", ""), [4]string{"default.p", "default.p", "default.p", "default.p"}},
		{gnp("sec.q", "sec"), [4]string{"sec.q", "sec.q", "sec.q", "sec.q"}},
		{gnp("ossg.x", ""), [4]string{"ossg.x", "ossg.x", "ossg.x", "ossg.x"}},
		{calico.ID{Kind: calico.KindNetworkPolicy, Namespace: "n", Name: "p"}, [4]string{"default.p", "default.p", "default.p", "p"}},
		{calico.ID{Kind: calico.KindNetworkPolicy, Namespace: "n", Name: "ossg.default.p"}, [4]string{"ossg.default.p", "ossg.default.p", "ossg.default.p", "ossg.default.p"}},
		{calico.ID{Kind: calico.KindStagedNetworkPolicy, Namespace: "n", Name: "knp.default.p"}, [4]string{"knp.default.p", "knp.default.p", "knp.default.p", "knp.default.p"}},
		// In v3.32 any name goes into any tier, even one that looks like another's.
		{gnp("other.p", "sec"), [4]string{"other.p", "other.p", "other.p", "other.p"}},
		// The other kinds that belong to a tier are stored alike, but for the names
		// that Calico makes out of Kubernetes' and OpenStack's policies.
		{np("p", ""), [4]string{"default.p", "default.p", "default.p", "p"}},
		{np("sec.q", "sec"), [4]string{"sec.q", "sec.q", "sec.q", "sec.q"}},
		{np("knp.default.web", ""), [4]string{"knp.default.web", "knp.default.web", "knp.default.web", "knp.default.web"}},
		{np("ossg.default.web", ""), [4]string{"ossg.default.web", "ossg.default.web", "ossg.default.web", "ossg.default.web"}},
		{calico.ID{Kind: calico.KindStagedGlobalNetworkPolicy, Name: "p"}, [4]string{"default.p", "default.p", "default.p", "p"}},
		{calico.ID{Kind: calico.KindStagedNetworkPolicy, Namespace: "n", Name: "p"}, [4]string{"default.p", "default.p", "default.p", "p"}},
		{calico.ID{Kind: calico.KindHostEndpoint, Name: "default.eth0"}, [4]string{"default.eth0", "default.eth0", "default.eth0", "default.eth0"}},
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
		id := calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: test.storedName, Tier: test.tier}
		if got := userName(id, annotations); got != test.want {
			t.Errorf("%q in tier %q with annotation %s is %q to its user, want %q", test.storedName, test.tier, test.annotation, got, test.want)
		}
	}
	made := calico.ID{Kind: calico.KindNetworkPolicy, Namespace: "n", Name: "knp.default.web"}
	if got := userName(made, nil); got != made.Name {
		t.Errorf("%s is %q to its user", made, got)
	}
}

func TestStoredNamesHoldsEveryReleasesName(t *testing.T) {
	for _, test := range []struct {
		naming Naming
		id     calico.ID
		want   []string
	}{
		{NamingPlain, calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: "p"}, []string{"p", "default.p"}},
		{NamingPlain, calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: "default.p"}, []string{"default.p", "p"}},
		{NamingAnnotated, calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: "p"}, []string{"default.p", "p"}},
		{NamingPrefixed, calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: "default.p"}, []string{"default.p", "p"}},
		{NamingAnnotated, calico.ID{Kind: calico.KindGlobalNetworkPolicy, Name: "sec.q", Tier: "sec"}, []string{"sec.q"}},
		{NamingPlain, calico.ID{Kind: calico.KindHostEndpoint, Name: "db1-eth0"}, []string{"db1-eth0"}},
	} {
		if got := test.naming.StoredNames(test.id); !slices.Equal(got, test.want) {
			t.Errorf("%s: %+v may be stored as %q, want %q", test.naming, test.id, got, test.want)
		}
	}
}
