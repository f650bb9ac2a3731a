package calico

import (
	"math"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
)

func tierOfName(name string, order float64, action v3.Action) *v3.Tier {
	t := v3.NewTier()
	t.Name = name
	t.Spec.Order, t.Spec.DefaultAction = &order, &action
	return t
}

func TestValidateTierObject(t *testing.T) {
	for _, tt := range []struct {
		name string
		obj  *v3.Tier
		want []fault
	}{
		{"tier", tierOfName("sec", 10.5, v3.Pass), nil},
		{"no spec", &v3.Tier{ObjectMeta: tierOfName("sec", 0, "").ObjectMeta}, nil},
		{"long name", tierOfName(strings.Repeat("a", 63), 1, v3.Deny), nil},
		{"longer name", tierOfName(strings.Repeat("a", 64), 1, v3.Deny), []fault{at("metadata.name", "at most 63 characters, and this one 64")}},
		{"no name", tierOfName("", 1, v3.Deny), []fault{at("metadata.name", "needs a name")}},
		{"name in upper case", tierOfName("Sec", 1, v3.Deny), []fault{at("metadata.name", `write "sec".`)}},
		{"name with a dot", tierOfName("a.b", 1, v3.Deny), []fault{at("metadata.name", `write "a-b".`)}},
		{"order that is no number", tierOfName("sec", math.NaN(), v3.Deny), []fault{at("spec.order", "is a number")}},
		{"action of rules", tierOfName("sec", 1, v3.Allow), []fault{at("spec.defaultAction", `is "Deny" or "Pass".`)}},
		{"action in another word", tierOfName("sec", 1, "drop"), []fault{at("spec.defaultAction", `write "Deny".`)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range releases[1:] {
				checkFaults(t, tt.obj, r, tt.want...)
			}
		})
	}
}

func TestBuiltInTiers(t *testing.T) {
	v330 := Release{3, 30, 0}
	for _, tt := range []struct {
		name    string
		order   float64
		action  v3.Action
		release Release
		builtIn bool
		want    []fault
	}{
		{"default", 1000000, v3.Deny, v3290, true, nil},
		{"default", 1000000, v3.Pass, v3310, true, nil},
		{"default", 1000000, v3.Pass, v3320, true, []fault{in(object, "spec.defaultAction", `write "Deny".`)}},
		{"default", 100, v3.Deny, v3290, true, []fault{in(object, "spec.order", "write 1000000.")}},
		{"adminnetworkpolicy", 100, v3.Pass, v3290, true, []fault{in(object, "spec.order", "write 1000.")}},
		{"adminnetworkpolicy", 100, v3.Pass, v3320, false, nil},
		{"baselineadminnetworkpolicy", 100, v3.Pass, v3296, false, nil},
		{"baselineadminnetworkpolicy", 100, v3.Pass, v330, true, []fault{in(object, "spec.order", "write 10000000.")}},
		{"baselineadminnetworkpolicy", 10000000, v3.Deny, v3310, true, nil},
		{"kube-admin", 100, v3.Deny, v3310, false, nil},
		{"kube-admin", 1000, v3.Pass, v3320, true, nil},
		{"kube-baseline", 100, v3.Deny, v3320, true, []fault{in(object, "spec.order", "write 10000000."), in(object, "spec.defaultAction", `write "Pass".`)}},
		{"sec", 100, v3.Deny, v3320, false, nil},
	} {
		if BuiltInTier(tt.name, tt.release) != tt.builtIn {
			t.Errorf("BuiltInTier(%q, %s) = %v", tt.name, tt.release, !tt.builtIn)
		}
		checkFaults(t, tierOfName(tt.name, tt.order, tt.action), tt.release, tt.want...)
	}
	if BuiltInTier(DefaultTier, v3285) {
		t.Error("v3.28 has no tiers")
	}
	// Default fills in what one of them needs, and not what others do.
	tier := v3.NewTier()
	tier.Name = DefaultTier
	checkFaults(t, tier, v3310, in(object, "spec.order", "write 1000000."))
	Default(tier, v3310)
	checkFaults(t, tier, v3310)
}
