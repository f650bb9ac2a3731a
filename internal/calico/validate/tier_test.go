package validate

import (
	"math"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
)

func TestValidateTierObject(t *testing.T) {
	for _, tt := range []struct {
		name string
		obj  *v3.Tier
		want []fault
	}{
		{"tier", objecttest.Tier("sec", 10.5, v3.Pass), nil},
		{"no spec", &v3.Tier{ObjectMeta: objecttest.Tier("sec", 0, "").ObjectMeta}, nil},
		{"long name", objecttest.Tier(strings.Repeat("a", 63), 1, v3.Deny), nil},
		{"longer name", objecttest.Tier(strings.Repeat("a", 64), 1, v3.Deny), []fault{at("metadata.name", "at most 63 characters, and this one 64")}},
		{"no name", objecttest.Tier("", 1, v3.Deny), []fault{at("metadata.name", "needs a name")}},
		{"name in upper case", objecttest.Tier("Sec", 1, v3.Deny), []fault{at("metadata.name", `write "sec".`)}},
		{"name with a dot", objecttest.Tier("a.b", 1, v3.Deny), []fault{at("metadata.name", `write "a-b".`)}},
		{"order that is no number", objecttest.Tier("sec", math.NaN(), v3.Deny), []fault{at("spec.order", "is a number")}},
		{"action of rules", objecttest.Tier("sec", 1, v3.Allow), []fault{at("spec.defaultAction", `is "Deny" or "Pass".`)}},
		{"action in another word", objecttest.Tier("sec", 1, "drop"), []fault{at("spec.defaultAction", `write "Deny".`)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range objecttest.Releases[1:] {
				checkFaults(t, tt.obj, r, tt.want...)
			}
		})
	}
}

func TestBuiltInTiers(t *testing.T) {
	v330 := calico.Release{Major: 3, Minor: 30, Patch: 0}
	for _, tt := range []struct {
		name    string
		order   float64
		action  v3.Action
		release calico.Release
		builtIn bool
		want    []fault
	}{
		{"default", 1000000, v3.Deny, objecttest.V3290, true, nil},
		{"default", 1000000, v3.Pass, objecttest.V3310, true, nil},
		{"default", 1000000, v3.Pass, objecttest.V3320, true, []fault{in(object, "spec.defaultAction", `write "Deny".`)}},
		{"default", 100, v3.Deny, objecttest.V3290, true, []fault{in(object, "spec.order", "write 1000000.")}},
		{"adminnetworkpolicy", 100, v3.Pass, objecttest.V3290, true, []fault{in(object, "spec.order", "write 1000.")}},
		{"adminnetworkpolicy", 100, v3.Pass, objecttest.V3320, false, nil},
		{"baselineadminnetworkpolicy", 100, v3.Pass, objecttest.V3296, false, nil},
		{"baselineadminnetworkpolicy", 100, v3.Pass, v330, true, []fault{in(object, "spec.order", "write 10000000.")}},
		{"baselineadminnetworkpolicy", 10000000, v3.Deny, objecttest.V3310, true, nil},
		{"kube-admin", 100, v3.Deny, objecttest.V3310, false, nil},
		{"kube-admin", 1000, v3.Pass, objecttest.V3320, true, nil},
		{"kube-baseline", 100, v3.Deny, objecttest.V3320, true, []fault{in(object, "spec.order", "write 10000000."), in(object, "spec.defaultAction", `write "Pass".`)}},
		{"sec", 100, v3.Deny, objecttest.V3320, false, nil},
	} {
		if calico.BuiltInTier(tt.name, tt.release) != tt.builtIn {
			t.Errorf("BuiltInTier(%q, %s) = %v", tt.name, tt.release, !tt.builtIn)
		}
		checkFaults(t, objecttest.Tier(tt.name, tt.order, tt.action), tt.release, tt.want...)
	}
	if calico.BuiltInTier(calico.DefaultTier, objecttest.V3285) {
		t.Error("v3.28 has no tiers")
	}
	// Default fills in what one of them needs, and not what others do.
	tier := v3.NewTier()
	tier.Name = calico.DefaultTier
	checkFaults(t, tier, objecttest.V3310, in(object, "spec.order", "write 1000000."))
	calico.Default(tier, objecttest.V3310)
	checkFaults(t, tier, objecttest.V3310)
}
