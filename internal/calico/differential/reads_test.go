package differential

import (
	"testing"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

// readCase is a policy that one release has stored, and what another makes of it.
type readCase struct {
	writer     calico.Release
	name, tier string
	// storedName is what the writer makes of the name.
	storedName string
	// readers are, by tool, the name that the reader's calicoctl lists, and whether
	// it finds the policy when asked for that name.
	readers map[string]shownAs
}

type shownAs struct {
	name  string
	found bool
}

// TestDifferentialReads has the policies of each release read by the oracles of
// others and by us. calicoctl of v3.28 and v3.31 looks for a policy of v3.32
// under a name with a prefix, and so lists what it does not find: we find all of
// them, under the name that their user gave.
func TestDifferentialReads(t *testing.T) {
	const old, mid = "oracle-v3.28", "oracle-v3.31"
	v28, v290, v31, v32 := calico.Release{Major: 3, Minor: 28, Patch: 5}, calico.Release{Major: 3, Minor: 29}, calico.Release{Major: 3, Minor: 31}, calico.Newest
	for _, c := range []readCase{
		{v28, "p", "", "default.p", map[string]shownAs{old: {"p", true}, mid: {"p", true}}},
		{v290, "p", "", "default.p", map[string]shownAs{old: {"p", true}, mid: {"p", true}}},
		{v31, "p", "", "default.p", map[string]shownAs{old: {"p", true}, mid: {"p", true}}},
		{v32, "p", "", "p", map[string]shownAs{old: {"p", false}, mid: {"p", false}}},
		{v31, "default.p", "", "default.p", map[string]shownAs{old: {"p", true}, mid: {"default.p", true}}},
		{v32, "default.p", "", "default.p", map[string]shownAs{old: {"p", true}, mid: {"default.p", true}}},
		// Up to v3.28 all before the first dot is a prefix, of which there is one.
		{v290, "sec.s", "sec", "sec.s", map[string]shownAs{old: {"s", false}, mid: {"sec.s", true}}},
		{v31, "sec.s", "sec", "sec.s", map[string]shownAs{old: {"s", false}, mid: {"sec.s", true}}},
		{v32, "sec.s", "sec", "sec.s", map[string]shownAs{old: {"s", false}, mid: {"sec.s", true}}},
		{v32, "s", "sec", "s", map[string]shownAs{old: {"s", false}, mid: {"s", false}}},
		{v32, "other.s", "sec", "other.s", map[string]shownAs{old: {"s", false}, mid: {"other.s", true}}},
	} {
		p := v3.NewGlobalNetworkPolicy()
		p.Name, p.Spec.Tier = c.name, c.tier
		calico.Default(p, c.writer)
		storedName, value, err := storage.Encode(p, nil, c.writer, storage.Fresh{UID: "5e3b1d4e-3c2c-4a9c-9d0a-5f6c0f8e7a11", Created: time.Unix(1700000000, 0)})
		if err != nil || storedName != c.storedName {
			t.Errorf("%s stores %s as %q, want %q; %v", c.writer, c.name, storedName, c.storedName, err)
			continue
		}
		back, err := storage.Decode(calico.KindGlobalNetworkPolicy, storedName, value)
		if err != nil || calico.IDOf(back).Short() != calico.IDOf(p).Short() {
			t.Errorf("%s of %s is %+v to us, %v", c.name, c.writer, back, err)
		}
		for _, release := range oracleReleases() {
			want, ok := c.readers[release.tool]
			if !ok {
				continue // CALICO_ORACLE
			}
			o := startOracle(t, release)
			var got struct {
				Listed *v3.GlobalNetworkPolicy `json:"listed"`
				Object *v3.GlobalNetworkPolicy `json:"object"`
				Failed string                  `json:"failed"`
			}
			o.ask(t, map[string]any{"op": "read", "key": "/calico/resources/v3/projectcalico.org/globalnetworkpolicies/" + storedName, "value": string(value)}, &got)
			if got.Failed != "" || got.Listed == nil {
				t.Errorf("%s of %s: the oracle of %s failed: %s", c.name, c.writer, o.release, got.Failed)
				continue
			}
			if is := (shownAs{got.Listed.Name, got.Object != nil}); is != want {
				t.Errorf("%s of %s, read by %s: %+v, want %+v", c.name, c.writer, o.release, is, want)
			}
		}
	}
}
