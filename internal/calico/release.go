package calico

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// Release is a release of Calico, such as v3.31.0. Its rules (how policies are
// named in the datastore, what is defaulted, what is rejected) differ by release.
type Release struct {
	Major, Minor, Patch int
}

// Newest is the newest release whose rules this package knows. It stands for
// every later one too.
var Newest = Release{3, 32, lastPatch}

// NewerThanKnown tells whether r came after all releases whose rules this package
// knows. What is known of a later one stands in for its rules: those of Newest, and
// how v3.33 writes the migrators of a KubeControllersConfiguration.
func (r Release) NewerThanKnown() bool { return r.AtLeast(Newest.Major, Newest.Minor+1, 0) }

// lastPatch is the patch number of a release given as "3.29": the last of its
// line, as that is what a well-kept datacenter runs.
const lastPatch = math.MaxInt32

// LastOfLine returns the last release of a line, such as v3.29.
func LastOfLine(major, minor int) Release { return Release{major, minor, lastPatch} }

var releasePattern = regexp.MustCompile(`^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,6}))?(?:[-+].*)?$`)

// ParseRelease reads "3.31", "v3.31.0" or a build's "v3.31.0-12-gabcdef". A
// release without a patch number stands for the last patch of its line. It
// answers an error for anything else and for releases before 3.0, whose data
// model was another one.
func ParseRelease(s string) (Release, error) {
	m := releasePattern.FindStringSubmatch(s)
	if m == nil {
		return Release{}, fmt.Errorf("%q is not a Calico release: write it as \"3.31\" or \"v3.31.0\"", s)
	}
	r := Release{Patch: lastPatch}
	r.Major, _ = strconv.Atoi(m[1])
	r.Minor, _ = strconv.Atoi(m[2])
	if m[3] != "" {
		r.Patch, _ = strconv.Atoi(m[3])
	}
	if r.Major < 3 {
		return Release{}, fmt.Errorf("%q: Calico releases before 3.0 keep their data in another form, which this provider does not write", s)
	}
	return r, nil
}

// AtLeast tells whether r is the given release or a later one.
func (r Release) AtLeast(major, minor, patch int) bool {
	switch {
	case r.Major != major:
		return r.Major > major
	case r.Minor != minor:
		return r.Minor > minor
	default:
		return r.Patch >= patch
	}
}

// String spells the release as "v3.31.0", or "v3.31" where the patch is not known.
func (r Release) String() string {
	if r.Patch == lastPatch {
		return fmt.Sprintf("v%d.%d", r.Major, r.Minor)
	}
	return fmt.Sprintf("v%d.%d.%d", r.Major, r.Minor, r.Patch)
}
