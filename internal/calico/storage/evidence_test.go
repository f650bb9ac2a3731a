package storage

import (
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

func TestEvidence(t *testing.T) {
	policy := func(name, value string) PolicyNaming { return PolicyEvidence(name, []byte(value)) }
	filled := `{"metadata":{"labels":{"projectcalico.org/tier":"default"},"annotations":{"projectcalico.org/metadata":"{}"}},"spec":{"tier":"default"}}`
	annotated := `{"metadata":{"annotations":{"projectcalico.org/metadata":"{\"name\":\"p\"}"}},"spec":{}}`
	for name, test := range map[string]struct {
		evidence Evidence
		want     calico.Release
		assumed  bool
	}{
		"calicoVersion beats all": {Evidence{CalicoVersion: "v3.28.5", Tiers: map[string]bool{"kube-admin": true}}, calico.Release{Major: 3, Minor: 28, Patch: 5}, false},
		"a version that is none":  {Evidence{CalicoVersion: "master", Tiers: map[string]bool{"kube-admin": true}}, calico.LastOfLine(3, 32), false},
		// An upgrade from v3.31 leaves the older tiers behind.
		"tiers of v3.32 over older ones":      {Evidence{Tiers: map[string]bool{"default": true, "kube-admin": true, "adminnetworkpolicy": true}}, calico.LastOfLine(3, 32), false},
		"tiers of v3.31":                      {Evidence{Tiers: map[string]bool{"default": true, "adminnetworkpolicy": true, "baselineadminnetworkpolicy": true}}, calico.LastOfLine(3, 31), false},
		"tiers of v3.29":                      {Evidence{Tiers: map[string]bool{"default": true, "adminnetworkpolicy": true}}, calico.LastOfLine(3, 29), false},
		"a plain policy":                      {Evidence{Policies: []PolicyNaming{policy("p", `{"metadata":{"annotations":{"projectcalico.org/metadata":"{}"}},"spec":{"tier":"default"}}`)}}, calico.LastOfLine(3, 32), false},
		"an annotated policy":                 {Evidence{Policies: []PolicyNaming{policy("default.p", annotated)}}, calico.LastOfLine(3, 31), false},
		"a prefixed policy with tiers":        {Evidence{Tiers: map[string]bool{"default": true}, Policies: []PolicyNaming{policy("default.p", `{"spec":{}}`)}}, calico.Release{Major: 3, Minor: 29, Patch: 0}, false},
		"a prefixed policy, no tiers":         {Evidence{Policies: []PolicyNaming{policy("default.p", `{"spec":{}}`)}}, calico.LastOfLine(3, 28), false},
		"initialised without tiers":           {Evidence{Initialised: true}, calico.LastOfLine(3, 28), false},
		"initialised with a tier of a user":   {Evidence{Initialised: true, Tiers: map[string]bool{"sec": true}}, calico.LastOfLine(3, 28), false},
		"initialised with the tier default":   {Evidence{Initialised: true, Tiers: map[string]bool{"default": true}}, calico.Newest, true},
		"initialised with a tier of v3.32":    {Evidence{Initialised: true, Tiers: map[string]bool{"kube-admin": true}}, calico.LastOfLine(3, 32), false},
		"no tiers beat policies":              {Evidence{Initialised: true, Policies: []PolicyNaming{policy("default.p", annotated)}}, calico.LastOfLine(3, 28), false},
		"a version that is none, no tiers":    {Evidence{CalicoVersion: "master", Initialised: true}, calico.LastOfLine(3, 28), false},
		"calicoVersion beats no tiers":        {Evidence{CalicoVersion: "v3.31.2", Initialised: true}, calico.Release{Major: 3, Minor: 31, Patch: 2}, false},
		"the tier of v3.32 alone":             {Evidence{Tiers: map[string]bool{"kube-admin": true}}, calico.LastOfLine(3, 32), false},
		"the tier of v3.30 alone":             {Evidence{Tiers: map[string]bool{"baselineadminnetworkpolicy": true}}, calico.LastOfLine(3, 31), false},
		"the tier default alone":              {Evidence{Tiers: map[string]bool{"default": true}}, calico.Newest, true},
		"a tier of a user alone":              {Evidence{Tiers: map[string]bool{"sec": true}}, calico.Newest, true},
		"a policy of a tier, annotated":       {Evidence{Policies: []PolicyNaming{policy("sec.q", annotated)}}, calico.LastOfLine(3, 31), false},
		"a policy of a tier by itself":        {Evidence{Policies: []PolicyNaming{policy("sec.q", `{"spec":{"tier":"sec"}}`)}}, calico.Newest, true},
		"a policy of kube-controllers":        {Evidence{Policies: []PolicyNaming{policy("knp.default.p", annotated), policy("ossg.default.p", annotated)}}, calico.Newest, true},
		"a migrated policy by itself":         {Evidence{Policies: []PolicyNaming{policy("p", annotated)}}, calico.LastOfLine(3, 32), false},
		"a plain policy with a dot":           {Evidence{Policies: []PolicyNaming{policy("default.p", filled)}}, calico.LastOfLine(3, 32), false},
		"the tier default in spec.tier alone": {Evidence{Policies: []PolicyNaming{policy("default.p", `{"metadata":{"annotations":{"projectcalico.org/metadata":"{}"}},"spec":{"tier":"default"}}`)}}, calico.LastOfLine(3, 31), false},
		"a plain name without its annotation": {Evidence{Policies: []PolicyNaming{policy("p", `{"spec":{"tier":"default"}}`)}}, calico.Newest, true},
		// What contradicts each other: the stronger sign wins, whichever it is.
		"calicoVersion beats newer tiers":      {Evidence{CalicoVersion: "v3.29.2", Tiers: map[string]bool{"kube-admin": true, "adminnetworkpolicy": true}}, calico.Release{Major: 3, Minor: 29, Patch: 2}, false},
		"calicoVersion beats policies":         {Evidence{CalicoVersion: "v3.32.1", Policies: []PolicyNaming{policy("default.p", `{"spec":{}}`)}}, calico.Release{Major: 3, Minor: 32, Patch: 1}, false},
		"calicoVersion of a development build": {Evidence{CalicoVersion: "v3.31.0-12-gabcdef", Policies: []PolicyNaming{policy("p", annotated)}}, calico.Release{Major: 3, Minor: 31, Patch: 0}, false},
		"tiers beat policies":                  {Evidence{Tiers: map[string]bool{"kube-admin": true}, Policies: []PolicyNaming{policy("default.p", `{"spec":{}}`)}}, calico.LastOfLine(3, 32), false},
		"older tiers beat newer policies":      {Evidence{Tiers: map[string]bool{"adminnetworkpolicy": true}, Policies: []PolicyNaming{policy("p", `{"metadata":{"annotations":{"projectcalico.org/metadata":"{}"}},"spec":{"tier":"default"}}`)}}, calico.LastOfLine(3, 29), false},
		"one plain policy beats prefixed ones": {Evidence{Policies: []PolicyNaming{policy("default.o", `{"spec":{}}`), policy("default.p", annotated), policy("q", `{"metadata":{"annotations":{"projectcalico.org/metadata":"{}"}},"spec":{"tier":"default"}}`)}}, calico.LastOfLine(3, 32), false},
		"an annotated policy beats older ones": {Evidence{Policies: []PolicyNaming{policy("default.p", annotated), policy("default.o", `{"spec":{}}`)}}, calico.LastOfLine(3, 31), false},
		"a corrupt policy":                     {Evidence{Policies: []PolicyNaming{policy("p", `not JSON`)}}, calico.Newest, true},
		"nothing":                              {Evidence{}, calico.Newest, true},
	} {
		got, because, assumed := test.evidence.Release()
		if got != test.want || assumed != test.assumed {
			t.Errorf("%s: %s (assumed %v, because of %s), want %s (assumed %v)", name, got, assumed, because, test.want, test.assumed)
		}
	}
}
