package calico

import (
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// BGPFilter is which routes nodes take from BGP peers, and which they tell them. It
// is v3.BGPFilter with the fields of v3.32 that the API module does not have: a rule
// of which a condition is not known looks as if it were for every route.
type BGPFilter struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              BGPFilterSpec `json:"spec,omitempty"`
}

// BGPFilterSpec is the rules of a filter. The first that matches a route decides.
type BGPFilterSpec struct {
	ExportV4 []BGPFilterRuleV4 `json:"exportV4,omitempty" validate:"omitempty,dive"`
	ImportV4 []BGPFilterRuleV4 `json:"importV4,omitempty" validate:"omitempty,dive"`
	ExportV6 []BGPFilterRuleV6 `json:"exportV6,omitempty" validate:"omitempty,dive"`
	ImportV6 []BGPFilterRuleV6 `json:"importV6,omitempty" validate:"omitempty,dive"`
}

// BGPFilterRuleV4 is a rule for IPv4 routes.
type BGPFilterRuleV4 struct {
	CIDR          string                      `json:"cidr,omitempty" validate:"omitempty,netv4"`
	PrefixLength  *v3.BGPFilterPrefixLengthV4 `json:"prefixLength,omitempty" validate:"omitempty"`
	BGPFilterRule `json:",inline"`
}

// BGPFilterRuleV6 is a rule for IPv6 routes.
type BGPFilterRuleV6 struct {
	CIDR          string                      `json:"cidr,omitempty" validate:"omitempty,netv6"`
	PrefixLength  *v3.BGPFilterPrefixLengthV6 `json:"prefixLength,omitempty" validate:"omitempty"`
	BGPFilterRule `json:",inline"`
}

// BGPFilterRule is what rules for IPv4 and IPv6 have in common. The fields are those
// of v3.32.1, in its order: api/pkg/apis/projectcalico/v3/bgpfilter.go.
type BGPFilterRule struct {
	Source        v3.BGPFilterMatchSource   `json:"source,omitempty" validate:"omitempty,oneof=RemotePeers"`
	Interface     string                    `json:"interface,omitempty" validate:"omitempty,bgpFilterInterface"`
	MatchOperator v3.BGPFilterMatchOperator `json:"matchOperator,omitempty" validate:"omitempty,oneof=Equal NotEqual In NotIn"`
	PeerType      string                    `json:"peerType,omitempty" validate:"omitempty,oneof=eBGP iBGP"`
	Communities   *BGPFilterCommunityMatch  `json:"communities,omitempty" validate:"omitempty"`
	ASPathPrefix  []numorstring.ASNumber    `json:"asPathPrefix,omitempty" validate:"omitempty"`
	Priority      *int                      `json:"priority,omitempty" validate:"omitempty,gte=1,lte=2147483646"`
	Action        v3.BGPFilterAction        `json:"action" validate:"required,oneof=Accept Reject"`
	Operations    []BGPFilterOperation      `json:"operations,omitempty" validate:"omitempty,dive"`
}

// BGPFilterCommunityMatch is the communities that a route has.
type BGPFilterCommunityMatch struct {
	// Values has exactly one: Calico does not say yet what two would mean.
	Values []string `json:"values" validate:"required,dive,filterCommunity"`
}

// BGPFilterOperation is a change of a route that is accepted: exactly one of these.
type BGPFilterOperation struct {
	AddCommunity  *BGPFilterAddCommunity  `json:"addCommunity,omitempty" validate:"omitempty"`
	PrependASPath *BGPFilterPrependASPath `json:"prependASPath,omitempty" validate:"omitempty"`
	SetPriority   *BGPFilterSetPriority   `json:"setPriority,omitempty" validate:"omitempty"`
}

// BGPFilterAddCommunity adds a community to a route.
type BGPFilterAddCommunity struct {
	Value string `json:"value" validate:"required,filterCommunity"`
}

// BGPFilterPrependASPath puts AS numbers before the AS path of a route.
type BGPFilterPrependASPath struct {
	// Prefix has 1 to 10 numbers.
	Prefix []numorstring.ASNumber `json:"prefix" validate:"required"`
}

// BGPFilterSetPriority sets the priority of a route, its metric.
type BGPFilterSetPriority struct {
	Value int `json:"value" validate:"gte=1,lte=2147483646"`
}

// NewBGPFilter returns an empty BGPFilter, with kind and apiVersion set.
func NewBGPFilter() *BGPFilter {
	return &BGPFilter{TypeMeta: metav1.TypeMeta{Kind: v3.KindBGPFilter, APIVersion: v3.GroupVersionCurrent}}
}

// DeepCopyObject returns a copy that shares nothing with f.
func (f *BGPFilter) DeepCopyObject() runtime.Object { return f.DeepCopy() }

// DeepCopy returns a copy that shares nothing with f.
func (f *BGPFilter) DeepCopy() *BGPFilter {
	if f == nil {
		return nil
	}
	c := *f
	c.ObjectMeta = *f.ObjectMeta.DeepCopy()
	for _, rules := range []*[]BGPFilterRuleV4{&c.Spec.ExportV4, &c.Spec.ImportV4} {
		*rules = slices.Clone(*rules)
		for i := range *rules {
			r := &(*rules)[i]
			r.PrefixLength = r.PrefixLength.DeepCopy()
			r.unshare()
		}
	}
	for _, rules := range []*[]BGPFilterRuleV6{&c.Spec.ExportV6, &c.Spec.ImportV6} {
		*rules = slices.Clone(*rules)
		for i := range *rules {
			r := &(*rules)[i]
			r.PrefixLength = r.PrefixLength.DeepCopy()
			r.unshare()
		}
	}
	return &c
}

// unshare makes r, a copy of a rule, share nothing with it.
func (r *BGPFilterRule) unshare() {
	if r.Communities != nil {
		r.Communities = &BGPFilterCommunityMatch{Values: slices.Clone(r.Communities.Values)}
	}
	r.ASPathPrefix = slices.Clone(r.ASPathPrefix)
	r.Priority = copyOf(r.Priority)
	r.Operations = slices.Clone(r.Operations)
	for i := range r.Operations {
		o := &r.Operations[i]
		o.AddCommunity = copyOf(o.AddCommunity)
		o.SetPriority = copyOf(o.SetPriority)
		if o.PrependASPath != nil {
			o.PrependASPath = &BGPFilterPrependASPath{Prefix: slices.Clone(o.PrependASPath.Prefix)}
		}
	}
}
