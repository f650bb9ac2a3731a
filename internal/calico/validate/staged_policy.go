package validate

import (
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

var stagedActions = []string{string(v3.StagedActionSet), string(v3.StagedActionDelete), string(v3.StagedActionLearn), string(v3.StagedActionIgnore)}

// stagedAction checks what a staged policy proposes to do with the policy of its
// name. None at all means "Set".
func (c *checker) stagedAction(field calico.Path, action v3.StagedAction) {
	s := string(action)
	if s == "" || slices.Contains(stagedActions, s) {
		return
	}
	same := func(known string) bool { return strings.EqualFold(known, s) }
	c.reject(field, s, "A staged action is \"Set\", \"Delete\", \"Learn\" or \"Ignore\"%s", instead(same, stagedActions...))
}

// nothingBesideDelete checks that a staged policy which proposes to delete the
// policy of its name has nothing to say about it. A list counts as something even
// where it is empty. Types do not count: Calico drops them, and so does Default.
func (c *checker) nothingBesideDelete(spec calico.Path, p calico.Policy) {
	fields := []struct {
		name string
		set  bool
	}{
		{"order", *p.Order != nil},
		{"ingress", *p.Ingress != nil},
		{"egress", *p.Egress != nil},
		{"selector", *p.Selector != ""},
		{"serviceAccountSelector", *p.ServiceAccountSelector != ""},
		{"performanceHints", *p.PerformanceHints != nil},
	}
	if g := p.Global; g != nil {
		fields = append(fields, []struct {
			name string
			set  bool
		}{
			{"doNotTrack", *g.DoNotTrack},
			{"preDNAT", *g.PreDNAT},
			{"applyOnForward", *g.ApplyOnForward},
			{"namespaceSelector", *g.NamespaceSelector != ""},
		}...)
	}
	for _, f := range fields {
		if f.set {
			c.rejectWithin(spec, spec.Field(f.name), nil,
				"A staged policy with stagedAction \"Delete\" has no other field than tier: remove %s, or write another stagedAction.", f.name)
		}
	}
}
