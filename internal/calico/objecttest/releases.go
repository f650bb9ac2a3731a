package objecttest

import "github.com/calico-terraform/terraform-provider-calico/internal/calico"

// The releases on both sides of every change of the rules.
var (
	V3285 = calico.Release{Major: 3, Minor: 28, Patch: 5}
	V3290 = calico.Release{Major: 3, Minor: 29, Patch: 0}
	V3295 = calico.Release{Major: 3, Minor: 29, Patch: 5}
	V3296 = calico.Release{Major: 3, Minor: 29, Patch: 6}
	V3302 = calico.Release{Major: 3, Minor: 30, Patch: 2}
	V3303 = calico.Release{Major: 3, Minor: 30, Patch: 3}
	V3310 = calico.Release{Major: 3, Minor: 31, Patch: 0}
	V3320 = calico.Release{Major: 3, Minor: 32, Patch: 0}

	Releases = []calico.Release{V3285, V3290, V3295, V3296, V3302, V3303, V3310, V3320, calico.Newest}
)
