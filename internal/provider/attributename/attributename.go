// Package attributename is the rule by which Calico's names become Terraform's.
// The provider translates by it, and the generator of its schemas
// (tools/schemagen) writes by it.
package attributename

import (
	"strings"
	"unicode"
)

// words are those that begin or go on with a capital where no new word begins.
var words = []string{"IPv4", "IPv6", "IPV4", "IPV6", "WireGuard"}

// Of returns the Terraform name of a field of Calico's API, which is given by its
// name in manifests: expected_ips for expectedIPs, not_icmp for notICMP, pre_dnat
// for preDNAT, ipv6_address for IPv6Address, vxlan_mtu_v6 for vxlanMTUV6.
func Of(jsonName string) string {
	r := []rune(jsonName)
	var b strings.Builder
	for i := 0; i < len(r); {
		if i > 0 && begins(r, i) {
			b.WriteByte('_')
		}
		end := i + 1
		if word := wordAt(r, i); word != "" {
			end = i + len(word)
		}
		for ; i < end; i++ {
			b.WriteRune(unicode.ToLower(r[i]))
		}
	}
	return b.String()
}

// begins tells whether a word begins at r[i], which is not the first letter.
func begins(r []rune, i int) bool {
	switch {
	case !unicode.IsUpper(r[i]):
		return false
	case !unicode.IsUpper(r[i-1]), wordAt(r, i) != "":
		return true
	case i+1 == len(r):
		return false
	case unicode.IsDigit(r[i+1]):
		// A version, as in MTUV6.
		return r[i] == 'V'
	case r[i+1] == 's' && (i+2 == len(r) || unicode.IsUpper(r[i+2])):
		// The s of a plural abbreviation, as in IPs, begins no word.
		return false
	default:
		return unicode.IsLower(r[i+1])
	}
}

func wordAt(r []rune, i int) string {
	for _, w := range words {
		if strings.HasPrefix(string(r[i:]), w) {
			return w
		}
	}
	return ""
}
