// Package validate tells what Calico rejects of an object, release by release, as errors
// that carry the path of the field and what to do.
package validate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
)

// Validate returns everything that a release of Calico rejects in an object that
// is to be created or updated: what libcalico-go's validator and its client
// refuse, what has no form in JSON, and from v3.32 on what the schemas that the
// client applies refuse too. An empty list means that Calico accepts the object.
//
// Call it after Default, with the object as the user knows it: with the user's
// name and without what a release adds on storing. Calico's checks that need the
// datastore are not made here: whether the tier exists, for one.
//
// It panics for a kind that it has no rules for. Adding a kind is adding a line
// to the switch and one method on checker beside the others.
func Validate(obj calico.Object, r calico.Release) calico.FieldErrors {
	c := &checker{release: r}
	if calico.IsNil(obj) {
		c.reject(calico.Path{}, nil, "There is no object here.")
		return c.errs
	}
	switch o := obj.(type) {
	case *v3.HostEndpoint:
		c.hostEndpoint(o)
	case *v3.GlobalNetworkPolicy, *v3.NetworkPolicy:
		c.policy(obj)
	case *v3.StagedGlobalNetworkPolicy:
		if c.knows(calico.KindStagedGlobalNetworkPolicy) {
			c.policy(obj)
		}
	case *v3.StagedNetworkPolicy:
		if c.knows(calico.KindStagedNetworkPolicy) {
			c.policy(obj)
		}
	case *v3.Tier:
		if c.knows(calico.KindTier) {
			c.tierObject(o)
		}
	case *v3.GlobalNetworkSet:
		c.networkSet(o, o.Spec.Nets)
	case *v3.NetworkSet:
		c.networkSet(o, o.Spec.Nets)
	case *v3.Profile:
		c.profile(o)
	default:
		if !calico.IsPlain(obj) {
			panic(calico.UnknownKind(obj))
		}
		c.plain(obj)
	}
	return c.errs
}

// checker collects what a release rejects in one object. Its methods check one
// kind, or one part that several kinds share, and append what they find in the
// order of the fields.
type checker struct {
	release calico.Release
	errs    calico.FieldErrors
}

// knows tells whether the release has the kind, and rejects the object if not.
func (c *checker) knows(kind calico.Kind) bool {
	if kind.KnownIn(c.release) {
		return true
	}
	c.reject(calico.Path{}, nil, "Calico %s does not know the kind %s, which came with %s: leave this resource out, or upgrade Calico first.", c.release, kind, kind.Since())
	return false
}

// reject records a fault that lies in the field alone. The reason is a format.
func (c *checker) reject(field calico.Path, value any, reason string, args ...any) {
	c.errs = append(c.errs, &calico.FieldError{Field: field, Value: value, Reason: fmt.Sprintf(reason, args...)})
}

// rejectWithin records a fault that was found by looking at all of scope.
func (c *checker) rejectWithin(scope, field calico.Path, value any, reason string, args ...any) {
	c.reject(field, value, reason, args...)
	c.errs[len(c.errs)-1].Scope = &scope
}

// isDNSLabel tells whether s has only lower-case letters, digits and '-', and
// '-' neither first nor last. Calico limits the length of whole names only.
func isDNSLabel(s string) bool {
	for i := range len(s) {
		switch b := s[i]; {
		case 'a' <= b && b <= 'z', '0' <= b && b <= '9':
		case b == '-' && i > 0 && i < len(s)-1:
		default:
			return false
		}
	}
	return s != ""
}

// isDNSName tells whether s is one or more DNS labels with dots between them.
func isDNSName(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if !isDNSLabel(label) {
			return false
		}
	}
	return true
}

// instead returns the end of a reason that offers a value to write instead: that
// of the candidates which is accepted, or no more than a full stop.
func instead(accepted func(string) bool, candidates ...string) string {
	for _, s := range candidates {
		if accepted(s) {
			return fmt.Sprintf(": write %q.", s)
		}
	}
	return "."
}

// asDNSName spells s as close to a DNS name as can be told.
func asDNSName(s string) string {
	return strings.Trim(strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(s)), "-.")
}

const reasonDNSName = "has only lower-case letters, digits, '-' and '.', and begins and ends with a letter or a digit, as does each part between dots"

// dnsName checks a field that names another object: a node, a profile, a service.
func (c *checker) dnsName(field calico.Path, what, s string) {
	if !isDNSName(s) {
		c.reject(field, s, "%s %s%s", what, reasonDNSName, instead(isDNSName, asDNSName(s)))
	}
}

// parseSelector reads an expression of the selector language as the release does.
func (c *checker) parseSelector(s string) (*selector.Selector, error) {
	if !c.release.AtLeast(3, 30, 0) {
		return selector.ParseUpTo329(s)
	}
	return selector.Parse(s)
}

// selector checks an expression of the selector language. It may be empty.
func (c *checker) selector(field calico.Path, s string) {
	_, err := c.parseSelector(s)
	if err == nil {
		return
	}
	if line := selector.OneLine(s); line != s {
		if _, err := c.parseSelector(line); err == nil {
			c.reject(field, s, "Calico reads a selector as one line: write %q.", line)
			return
		}
	}
	var fault *selector.SyntaxError
	if errors.As(err, &fault) {
		c.reject(field, s, "Calico cannot read this selector: in column %d, %s.", fault.Offset+1, fault.Message)
		return
	}
	c.reject(field, s, "Calico cannot read this selector: %s.", err)
}

const globalFunction = "global()"

// plainSelector checks a selector in which global() may not occur. Calico looks
// for that very text: it finds it in a quoted value too, but not with a blank in it.
func (c *checker) plainSelector(field calico.Path, s string) {
	c.selector(field, s)
	if strings.Contains(s, globalFunction) {
		c.reject(field, s, "A selector can use global() only as the whole namespaceSelector of a rule: remove it here.")
	}
}

// repeated returns the positions of the elements that are already in the list
// before them.
func repeated[T comparable](list []T) []int {
	var positions []int
	for i, e := range list {
		if slices.Contains(list[:i], e) {
			positions = append(positions, i)
		}
	}
	return positions
}
