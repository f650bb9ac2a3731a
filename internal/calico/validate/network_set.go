package validate

import (
	"net"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// networkSet checks a GlobalNetworkSet or a NetworkSet.
func (c *checker) networkSet(obj calico.Object, nets []string) {
	c.metadata(obj)
	if _, ok := obj.GetLabels()[v3.LabelNamespace]; ok {
		c.reject(calico.NewPath("metadata", "labels").Key(v3.LabelNamespace), v3.LabelNamespace,
			"Calico gives this label to the sets of a namespace by itself: remove it.")
	}
	for i, s := range nets {
		if !isNetOrAddress(s) {
			c.reject(calico.NewPath("spec", "nets").Index(i), s, "%s", setNetAdvice(s))
		}
	}
}

// isNetOrAddress tells whether s is what a set may have: other than in a rule, an
// address without a prefix length, too, and bits beyond the prefix.
//
// Calico accepts an empty text besides, and every Felix that reads it dies of it.
func isNetOrAddress(s string) bool {
	_, _, err := net.ParseCIDR(s)
	return err == nil || address.Is(s)
}

// setNetAdvice tells what to write instead of something that is no network.
func setNetAdvice(s string) string {
	const want = "Calico wants an IPv4 or IPv6 network or address here, such as 10.0.0.0/8 or 2001:db8::1"
	if hasLeadingZero(s) {
		return want + ", with no leading zeros in its numbers."
	}
	s = strings.TrimSpace(s)
	return want + instead(isNetOrAddress, s, withPrefixLength(s))
}
