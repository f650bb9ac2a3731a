package validate

import (
	"encoding/base64"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

// tagChoices are the rules of tags that ask for one of a few texts.
var tagChoices = map[string][]string{
	"acceptReturn":              {"Accept", "Return"},
	"assignIPs":                 {"AllServices", "RequestedServicesOnly"},
	"assignmentMode":            {"Automatic", "Manual"},
	"bpfLogLevel":               {"Off", "Info", "Debug"},
	"bpfServiceMode":            {"Tunnel", "DSR"},
	"createDefaultHostEndpoint": {"Enabled", "Disabled"},
	"dropAcceptReturn":          {"Drop", "Accept", "Return"},
	"dropReject":                {"Drop", "Reject"},
	"filterAction":              {"Accept", "Reject"},
	"ipIpMode":                  {"Never", "Always", "CrossSubnet"},
	"ipType":                    {"CalicoNodeIP", "InternalIP", "ExternalIP"},
	"matchOperator":             {"Equal", "NotEqual", "In", "NotIn"},
	"sourceAddress":             {"UseNodeIP", "None"},
	"vxlanMode":                 {"Never", "Always", "CrossSubnet"},
}

// textRule is the rule of a tag that asks for a text of some form.
type textRule struct {
	accepts func(string) bool
	// want says what is accepted, as a sentence without its end. Or advice does, in
	// view of the text.
	want   string
	advice func(string) string
}

var tagTexts = map[string]textRule{
	"IP:port":     {accepts: isPeerAddress, want: "Calico wants an address here, with a port if need be, such as 192.0.2.1, 192.0.2.1:179 or [2001:db8::1]:179"},
	"reachableBy": {accepts: address.Is, advice: addressAdvice},
	"ipv4":        {accepts: isIPv4, want: "Calico wants one IPv4 address here, without a prefix length"},
	"ipv6":        {accepts: isIPv6, want: "Calico wants one IPv6 address here, without a prefix length"},
	"net":         {accepts: isAddressOrStrictNet, advice: addressOrNetAdvice},
	"netv4":       {accepts: func(s string) bool { return isAddressOrStrictNet(s) && address.Family(s) == 4 }, advice: familyAdvice(4)},
	"netv6":       {accepts: func(s string) bool { return isAddressOrStrictNet(s) && address.Family(s) == 6 }, advice: familyAdvice(6)},
	"cidrv4":      {accepts: func(s string) bool { return address.Family(s) == 4 }, advice: familyAdvice(4)},
	"cidrv6":      {accepts: func(s string) bool { return address.Family(s) == 6 }, advice: familyAdvice(6)},
	// From v3.32 on schemas want a prefix length, where the tag does not.
	"prefix": {accepts: func(s string) bool { _, _, err := net.ParseCIDR(s); return err == nil }, advice: netAdvice},
	"mac": {
		accepts: func(s string) bool { _, err := net.ParseMAC(s); return err == nil },
		want:    "Calico wants a MAC address here, such as 66:2c:5a:00:00:01",
	},
	"regexp": {
		accepts: isRegexp,
		advice:  regexpAdvice,
	},
	// Calico checks no more of it than that it is a regular expression.
	"routeSource": {accepts: isRegexp, want: `This is "WorkloadIPs" or "CalicoIPAM"`},
	"interface": {
		accepts: isInterfaceName,
		want:    "The name of an interface has 1 to 15 letters, digits, '-', '_' and '.'",
	},
	"filterCommunity": {
		// The pattern of v3.32's schema has no leading zeros.
		accepts: func(s string) bool { return isCommunity(s) && !leadingZero.MatchString(s) },
		want:    "A community is such as " + communityForm + ", without leading zeros",
	},
	"bgpFilterInterface": {
		accepts: interfaceName,
		want:    `The name of an interface has 1 to 15 letters, digits, '-', '_' and '.', and '*' in it stands for any text, as in "cali*"`,
	},
	"ignoredInterface": {
		accepts: func(s string) bool { return s != "*" && interfaceName(s) },
		want:    `The name of an interface has 1 to 15 letters, digits, '-', '_' and '.', and '*' in it stands for any text, as in "cali*", but not by itself`,
	},
	"ifaceFilter": {
		accepts: matches(`^[a-zA-Z0-9:._+-]{1,15}$`),
		want:    `The name of an interface has 1 to 15 letters, digits, '-', '_', '.' and ':', and '+' at its end stands for any text, as in "eth+"`,
	},
	"keyValueList": {
		accepts: isKeyValueList,
		want:    `This is a list such as "SNATFullyRandom=true,MASQFullyRandom=false": each with letters, digits and '_', then '=' and a value`,
	},
	"prometheusHost": {
		accepts: matches(`^[a-zA-Z0-9:._+-]{1,64}$`),
		want:    "This is an address or the name of a host, of 1 to 64 letters, digits, '-', '_', '.', '+' and ':'",
	},
	"wireguardPublicKey": {
		accepts: func(s string) bool {
			key, err := base64.StdEncoding.DecodeString(s)
			return err == nil && len(key) == 32
		},
		want: "A public key of WireGuard is 32 bytes in base64",
	},
	// Those of the schemas of v3.32.
	"conntrackTimeout": {
		accepts: matches(`^((\d*(\.\d*)?(ms|s|h|m|us)+)+|Auto)$`),
		want:    `This is a duration such as "60s", or "Auto"`,
	},
	"boolList": {
		accepts: matches(`^([a-zA-Z0-9-_]+=(true|false|),)*([a-zA-Z0-9-_]+=(true|false|))?$`),
		want:    `This is a list such as "SNATFullyRandom=true,MASQFullyRandom=false": the values are true, false or none`,
	},
	"valueList": {
		accepts: matches(`^([a-zA-Z0-9-_]+=([^=]+),)*([a-zA-Z0-9-_]+=([^=]+))?$`),
		want:    `This is a list such as "A=1,B=2"`,
	},
	"logPrefix": {
		accepts: matches(`^[a-zA-Z0-9%: /_-]*$`),
		want:    "This has only letters, digits, blanks, '%', ':', '/', '_' and '-'",
	},
	"rate": {
		accepts: matches(`^[1-9]\d{0,3}/(second|minute|hour|day)$`),
		want:    `This is a number from 1 to 9999 and a unit, such as "100/second", or "/minute", "/hour" or "/day"`,
	},
}

func isRegexp(s string) bool {
	_, err := regexp.Compile(s)
	return err == nil
}

func regexpAdvice(s string) string {
	_, err := regexp.Compile(s)
	return fmt.Sprintf("Calico cannot read this regular expression: %s.", strings.ReplaceAll(strings.TrimPrefix(err.Error(), "error parsing regexp: "), "\n", " "))
}

var interfaceName = matches(`^[a-zA-Z0-9_.*-]{1,15}$`)

// matches is made of an expression when it is first asked for: Terraform starts the provider
// several times in a run, and most of them ask for none.
func matches(expression string) func(string) bool {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
	return func(s string) bool { return compiled().MatchString(s) }
}

var keyValue = regexp.MustCompile(`^\s*\w+=.*$`)

func isKeyValueList(s string) bool {
	if strings.TrimSpace(s) == "" {
		return true
	}
	for item := range strings.SplitSeq(s, ",") {
		if item != "" && !keyValue.MatchString(item) {
			return false
		}
	}
	return true
}

func isIPv4(s string) bool { return address.Is(s) && address.Family(s) == 4 }
func isIPv6(s string) bool { return address.Is(s) && address.Family(s) == 6 }

func isAddressOrNet(s string) bool {
	ip, _ := address.Parse(s)
	return ip != nil
}

func isAddressOrStrictNet(s string) bool {
	ip, network := address.Parse(s)
	return ip != nil && ip.String() == network.IP.String()
}

// addressOrNetAdvice tells what to write instead of something that is neither an
// address nor a network.
func addressOrNetAdvice(s string) string {
	if _, network, err := net.ParseCIDR(s); err == nil {
		return fmt.Sprintf("Calico wants the network address here: write %q.", network)
	}
	return netAdvice(s)
}

func familyAdvice(version int) func(string) string {
	return func(s string) string {
		if v := address.Family(s); v != 0 && v != version {
			return fmt.Sprintf("Calico wants an IPv%d network here, and this is an IPv%d one.", version, v)
		}
		return addressOrNetAdvice(s)
	}
}

func isPeerAddress(s string) bool { return address.PeerIP(s) != "" }
