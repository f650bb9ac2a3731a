package guard

import (
	"fmt"
	"slices"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// Breach is a flow that fares as it must not after a change: it works now, and would
// not any more; or it must stay out, and would be let in.
type Breach struct {
	// Endpoint is the name of the host endpoint at which it is so.
	Endpoint string
	labels   map[string]string
	// instead is the endpoint that governed there before, "" for the same.
	instead string
	Flow    Flow
	// before is "" if there was no endpoint yet, and so nothing dropped.
	before string
	after  verdict.Verdict
	// Bare is set if no endpoint governs there any more, so that nothing is dropped.
	Bare bool
}

// String tells of the breach in one line, with names as they are stored.
func (b Breach) String() string {
	before := "now: not protected, nothing is dropped"
	if b.before != "" {
		before = "now: " + b.before
	}
	endpoint := b.Endpoint
	if b.instead != "" {
		endpoint += " (which takes the place of " + b.instead + ")"
	}
	after := b.after.String()
	if b.Bare {
		after = "let in, as no host endpoint protects the interface any more"
	}
	return fmt.Sprintf("%s: %s: %s (%s)", endpoint, b.Flow, after, before)
}

// MaxTold is how many breaches are told of one by one.
const MaxTold = 5

// Report tells of breaches line by line: of the first few, and how many there are.
func Report(all []Breach) []string {
	endpoints := map[string]bool{}
	for _, b := range all {
		endpoints[b.Endpoint] = true
	}
	var lines []string
	for i, b := range all {
		if i == MaxTold {
			what := "host endpoints"
			if slices.ContainsFunc(all, func(b Breach) bool { return b.Flow.From != nil || b.Flow.Of != nil }) {
				what = "endpoints"
			}
			lines = append(lines, fmt.Sprintf("and %d more, at %d %s in all", len(all)-MaxTold, len(endpoints), what))
			break
		}
		lines = append(lines, b.String())
	}
	return lines
}

// RefusedError is that a guard refuses a change.
type RefusedError struct{ Breaches []Breach }

// Error tells of the first breach.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("the guard refuses the change for what it does to %d flows, first of all to %s at %q", len(e.Breaches), e.Breaches[0].Flow, e.Breaches[0].Endpoint)
}
