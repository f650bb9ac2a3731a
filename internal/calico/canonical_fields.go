package calico

import (
	"cmp"
	"net"
	"reflect"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
)

func specOf(obj Object) reflect.Value { return reflect.ValueOf(obj).Elem().FieldByName("Spec") }

// IsNil tells whether there is no object behind the interface.
func IsNil(obj Object) bool { return obj == nil || reflect.ValueOf(obj).IsNil() }

// CanonicalElement puts an element of a list in the spec of an object of the kind, to which
// there is a pointer, in canonical form in place: what Canonical makes of it there.
func CanonicalElement(kind Kind, element reflect.Value) {
	switch e := element.Interface().(type) {
	case *v3.Rule:
		*e = canonicalRules([]v3.Rule{*e}, kind.Namespaced())[0]
	case *v3.ProtoPort:
		*e = canonicalFailsafes([]v3.ProtoPort{*e})[0]
	default:
		canonicalValue(element.Elem(), "")
	}
}

// canonicalFields puts the fields of a struct in canonical form: empty lists and
// maps are absent, as JSON leaves them out, unless they are behind a pointer;
// addresses, networks, ports and selectors are spelled in one way. What a text is
// follows from the "validate" tag of its field.
func canonicalFields(object reflect.Value) {
	typ := object.Type()
	for i := range typ.NumField() {
		f, v := typ.Field(i), object.Field(i)
		if !f.IsExported() {
			continue
		}
		if k := v.Kind(); (k == reflect.Slice || k == reflect.Map) && v.Len() == 0 {
			v.SetZero()
			continue
		}
		canonicalValue(v, cmp.Or(canonicalTags[typ.Name()+"."+JSONName(f)], f.Tag.Get("validate")))
	}
}

// canonicalTags says what fields without a tag for it hold.
var canonicalTags = map[string]string{
	"FelixConfigurationSpec.deviceRouteSourceAddress":     "ipv4",
	"FelixConfigurationSpec.deviceRouteSourceAddressIPv6": "ipv6",
	"FelixConfigurationSpec.externalNodesList":            "cidrs",
	"FelixConfigurationSpec.natOutgoingAddress":           "ipv4",
}

func canonicalValue(v reflect.Value, tag string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			canonicalValue(v.Elem(), tag)
		}
	case reflect.Struct:
		switch value := v.Interface().(type) {
		case numorstring.Port:
			v.Set(reflect.ValueOf(canonicalPorts([]numorstring.Port{value})[0]))
			return
		case numorstring.DSCP:
			if value.Validate() == nil {
				v.Set(reflect.ValueOf(numorstring.DSCPFromInt(value.ToUint8())))
			}
			return
		}
		canonicalFields(v)
	case reflect.Slice:
		canonicalSlice(v, tag)
	case reflect.String:
		rules := strings.Split(tag, ",")
		for _, rule := range rules {
			if canonical := canonicalTexts[rule]; canonical != nil {
				v.SetString(canonical(v.String()))
			}
		}
	default:
	}
}

func canonicalSlice(v reflect.Value, tag string) {
	switch list := v.Interface().(type) {
	case []v3.ProtoPort:
		v.Set(reflect.ValueOf(canonicalFailsafes(list)))
	case []string:
		if strings.Contains(tag, "cidrs") {
			// Networks to look an address up in: none of them comes before another.
			v.Set(reflect.ValueOf(append([]string{}, canonicalSet(list, CanonicalNet)...)))
			return
		}
		for i := range v.Len() {
			canonicalValue(v.Index(i), tag)
		}
	default:
		for i := range v.Len() {
			canonicalValue(v.Index(i), tag)
		}
	}
}

// canonicalFailsafes returns the ports as Felix reads them. It opens each of them,
// in whatever order.
func canonicalFailsafes(ports []v3.ProtoPort) []v3.ProtoPort {
	for i := range ports {
		p := &ports[i]
		p.Protocol = strings.ToLower(p.Protocol)
		if p.Net != "" {
			p.Net = CanonicalNet(p.Net)
		}
	}
	slices.SortFunc(ports, func(a, b v3.ProtoPort) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Net, b.Net))
	})
	return slices.Compact(ports)
}

// canonicalTexts spell what a tag says that a text is.
var canonicalTexts = map[string]func(string) string{
	"net": canonicalNonEmptyNet, "netv4": canonicalNonEmptyNet, "netv6": canonicalNonEmptyNet,
	"cidrv4": canonicalHostNet, "cidrv6": canonicalHostNet,
	"ipv4": CanonicalIP, "ipv6": CanonicalIP, "reachableBy": CanonicalIP,
	"IP:port":  canonicalPeerAddress,
	"mac":      canonicalMAC,
	"selector": canonicalOptionalSelector,
}

func canonicalNonEmptyNet(s string) string {
	if s == "" {
		return ""
	}
	return CanonicalNet(s)
}

// canonicalHostNet spells the address of a host with the length of its network's
// prefix. Unlike in other networks, the bits beyond it matter.
func canonicalHostNet(s string) string {
	ip, network := address.Parse(s)
	if ip == nil {
		return s
	}
	ones, _ := network.Mask.Size()
	return (&net.IPNet{IP: ip, Mask: net.CIDRMask(ones, 8*len(network.IP))}).String()
}

func canonicalPeerAddress(s string) string {
	ip := address.PeerIP(s)
	if ip == "" || ip == s {
		return CanonicalIP(s)
	}
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return s
	}
	return net.JoinHostPort(CanonicalIP(ip), strings.TrimLeft(port, "0"))
}

func canonicalMAC(s string) string {
	mac, err := net.ParseMAC(s)
	if err != nil {
		return s
	}
	return mac.String()
}
