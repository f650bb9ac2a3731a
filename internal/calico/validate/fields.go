package validate

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// plain checks an object of a plain kind.
func (c *checker) plain(obj calico.Object) {
	c.metadata(obj)
	object := reflect.ValueOf(obj).Elem()
	c.newerFields(calico.Path{}, object)
	c.fields(calico.Path{}, object)
}

// structRules checks what no tag says about the values in a struct.
func (c *checker) structRules(at calico.Path, object any) {
	switch o := object.(type) {
	case *calico.FelixConfiguration:
		c.felixScope(at, o)
	case *v3.FelixConfigurationSpec:
		c.felixConfiguration(at, o)
	case *v3.HealthTimeoutOverride:
		c.healthTimeout(at, o)
	case *v3.RouteTableRange:
		c.routeTableRange(at, o.Min, o.Max, maxRouteTable)
	case *v3.RouteTableIDRange:
		c.routeTableRange(at, o.Min, o.Max, maxRouteTableID)
	case *v3.IPPoolSpec:
		c.ipPool(at, o)
	case *calico.BGPConfiguration:
		c.bgpConfiguration(at, o)
	case *v3.BGPPeerSpec:
		c.bgpPeer(at, o)
	case *calico.BGPFilterRuleV4:
		c.bgpFilterRule(at, o.CIDR, o.PrefixLength != nil, &o.BGPFilterRule)
	case *calico.BGPFilterRuleV6:
		c.bgpFilterRule(at, o.CIDR, o.PrefixLength != nil, &o.BGPFilterRule)
	case *calico.BGPFilterCommunityMatch:
		c.bgpFilterCommunities(at, o)
	case *calico.BGPFilterOperation:
		c.bgpFilterOperation(at, o)
	case *calico.BGPFilterPrependASPath:
		c.bgpFilterPath(at, o)
	case *calico.NodeSpec:
		c.node(at, o)
	case *calico.KubeControllersConfiguration:
		c.kubeControllers(at, o)
	}
}

// fields checks a struct of the API as libcalico-go's validator does: each field
// by its "validate" tag, and the structs in it. From v3.32 on the schema of a
// kind has its say too.
func (c *checker) fields(at calico.Path, object reflect.Value) {
	typ := object.Type()
	for i := range typ.NumField() {
		f := typ.Field(i)
		if calico.IsInline(f) {
			c.fields(at, object.Field(i))
		}
		name := calico.JSONName(f)
		if name == "" {
			continue
		}
		key := typ.Name() + "." + name
		tag := f.Tag.Get("validate")
		for _, change := range changedTags[key] {
			if c.release.AtLeast(change.from.Major, change.from.Minor, change.from.Patch) {
				tag = change.tag
			}
		}
		ok := c.value(at.Field(name), object.Field(i), tag)
		if ok && c.release.AtLeast(3, 32, 0) && schemaTags[key] != "" {
			c.value(at.Field(name), object.Field(i), schemaTags[key])
		}
	}
	c.structRules(at, object.Addr().Interface())
}

// value checks the value of a field, or an element of its list, by a tag, and
// tells whether it obeys it. The structs in it are checked too; not so those in
// lists, unless the tag says so: that is how Calico has it.
func (c *checker) value(field calico.Path, v reflect.Value, tag string) bool {
	pointer := v.Kind() == reflect.Pointer
	if pointer {
		if v.IsNil() {
			return true
		}
		v = v.Elem()
	}
	switch o := v.Interface().(type) {
	case metav1.Duration:
		switch tag {
		case "duration":
			return c.duration(field, o.Duration)
		case "decimalDuration":
			return c.decimalDuration(field, o.Duration)
		}
		return true
	case numorstring.Port:
		c.port(field, o)
		return true
	case numorstring.DSCP:
		return c.dscp(field, o)
	}
	if v.Kind() == reflect.Struct {
		c.fields(field, v)
		return true
	}
	empty := v.IsZero() && !pointer
	for rest := tag; rest != ""; {
		var rule string
		rule, rest, _ = strings.Cut(rest, ",")
		switch {
		case rule == "omitempty":
			if empty {
				return true
			}
		case rule == "required":
			if empty {
				c.reject(field, nil, "This is required.")
				return false
			}
		case rule == "dive":
			ok := true
			for i := range v.Len() {
				ok = c.value(field.Index(i), v.Index(i), rest) && ok
			}
			return ok
		case !c.obeys(field, v, rule, tag):
			return false
		}
	}
	return true
}

// obeys checks a value by one rule of its tag.
func (c *checker) obeys(field calico.Path, v reflect.Value, rule, tag string) bool {
	name, argument, _ := strings.Cut(rule, "=")
	switch name {
	case "gt", "gte", "lt", "lte":
		return c.bounds(field, v, tag)
	case "oneof":
		return c.oneOf(field, v.String(), strings.Fields(argument)...)
	case "oneofAnyCase":
		// Schemas that mind no case, and that take an empty text too.
		return v.String() == "" || slices.ContainsFunc(strings.Fields(argument), func(s string) bool { return strings.EqualFold(s, v.String()) }) ||
			c.oneOf(field, v.String(), strings.Fields(argument)...)
	case "maxLength":
		if n := utf8.RuneCountInString(v.String()); n > atoi(argument) {
			c.reject(field, v.String(), "This has at most %s characters, and here %d.", argument, n)
			return false
		}
		return true
	case "maxItems":
		if v.Len() > atoi(argument) {
			c.reject(field, nil, "This list has at most %s elements, and here %d.", argument, v.Len())
			return false
		}
		return true
	case "selector":
		before := len(c.errs)
		c.selector(field, v.String())
		return len(c.errs) == before
	case "name":
		if !isDNSName(v.String()) {
			c.dnsName(field, "This name", v.String())
			return false
		}
		return true
	case "labels":
		before := len(c.errs)
		var labels map[string]string
		reflect.ValueOf(&labels).Elem().Set(v.Convert(reflect.TypeFor[map[string]string]()))
		c.labels(field, labels)
		return len(c.errs) == before
	case "cidrs":
		return c.addressesOrNets(field, v)
	case "ifaceFilterSlice":
		ok := true
		for i := range v.Len() {
			ok = c.obeys(field.Index(i), v.Index(i), "ifaceFilter", tag) && ok
		}
		return ok
	case "bpfLogFilters":
		return c.logFilters(field, v)
	case "bgpFilterPrefixLengthV4":
		return c.bounds(field, v, "gte=0,lte=32")
	case "bgpFilterPrefixLengthV6":
		return c.bounds(field, v, "gte=0,lte=128")
	case "iptablesBackend":
		return v.String() == "" || c.oneOf(field, v.String(), "Legacy", "NFT", "Auto")
	case "logLevel":
		return c.oneOf(field, v.String(), logLevels(c.release)...)
	}
	if choices, ok := tagChoices[name]; ok {
		return c.oneOf(field, v.String(), choices...)
	}
	text, ok := tagTexts[name]
	if !ok {
		panic(fmt.Sprintf("calico: there is no rule for the tag %q of %s", rule, field))
	}
	if text.accepts(v.String()) {
		return true
	}
	if text.advice != nil {
		c.reject(field, v.String(), "%s", text.advice(v.String()))
		return false
	}
	c.reject(field, v.String(), "%s%s", text.want, instead(text.accepts, strings.TrimSpace(v.String()), strings.ToLower(strings.TrimSpace(v.String()))))
	return false
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(fmt.Sprintf("calico: %q in a tag is no number", s))
	}
	return n
}

// oneOf checks a text that is one of a few, in this very spelling.
func (c *checker) oneOf(field calico.Path, s string, choices ...string) bool {
	if slices.Contains(choices, s) {
		return true
	}
	accepted := func(guess string) bool { return guess != "" }
	var guess string
	for _, choice := range choices {
		if strings.EqualFold(choice, strings.TrimSpace(s)) {
			guess = choice
		}
	}
	c.reject(field, s, "This is %s%s", quotedList(choices, "or"), instead(accepted, guess))
	return false
}

// quotedList spells "a", "b" or "c".
func quotedList(list []string, last string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = strconv.Quote(s)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " " + last + " " + quoted[len(quoted)-1]
}

// bounds checks a number by all the bounds of its tag at once.
func (c *checker) bounds(field calico.Path, v reflect.Value, tag string) bool {
	var n int64
	if v.CanInt() {
		n = v.Int()
	} else {
		n = int64(v.Uint()) //nolint:gosec // no field of the API is wider than 32 bits where it has no sign
	}
	low, high := int64(-1<<63), int64(1<<63-1)
	for rule := range strings.SplitSeq(tag, ",") {
		name, argument, _ := strings.Cut(rule, "=")
		limit, _ := strconv.ParseInt(argument, 10, 64)
		switch name {
		case "gt":
			low = limit + 1
		case "gte":
			low = limit
		case "lt":
			high = limit - 1
		case "lte":
			high = limit
		}
	}
	switch {
	case low <= n && n <= high:
		return true
	case high == 1<<63-1:
		c.reject(field, n, "This is a number from %d up.", low)
	default:
		c.reject(field, n, "This is a number from %d to %d.", low, high)
	}
	return false
}

// duration checks a duration by the pattern of v3.32's schema, which has neither
// a sign nor a decimal point, nor less than a millisecond.
func (c *checker) duration(field calico.Path, d time.Duration) bool {
	if d >= 0 && (d%time.Second == 0 || d < time.Second && d%time.Millisecond == 0) {
		return true
	}
	c.reject(field, d.String(), "In Calico %s a duration is zero or more, and of whole seconds, or of whole milliseconds below a second: write %q.",
		c.release, wholeDuration(d).String())
	return false
}

// decimalDuration checks a duration by a pattern of v3.32's schema that has a decimal
// point, but no sign and no unit below a millisecond.
func (c *checker) decimalDuration(field calico.Path, d time.Duration) bool {
	if d == 0 || d >= time.Millisecond {
		return true
	}
	c.reject(field, d.String(), "In Calico %s this duration is zero, or a millisecond or more.", c.release)
	return false
}

// wholeDuration is the closest duration that v3.32's schemas accept.
func wholeDuration(d time.Duration) time.Duration {
	unit := time.Second
	if d < time.Second {
		unit = time.Millisecond
	}
	return max(0, d.Round(unit))
}

// addressesOrNets checks a list of addresses and networks. Calico's client gives
// the rule for such a list to one field that is a number, and crashes there.
func (c *checker) addressesOrNets(field calico.Path, v reflect.Value) bool {
	if v.Kind() != reflect.Slice {
		c.reject(field, v.Interface(), "Calico's own client crashes on an object that has this field, in every release that knows it: leave it out.")
		return false
	}
	ok := true
	for i := range v.Len() {
		if s := v.Index(i).String(); s != "" && !isAddressOrNet(s) { // Calico takes no text for no network
			c.reject(field.Index(i), s, "%s", addressOrNetAdvice(s))
			ok = false
		}
	}
	return ok
}

// logFilters checks the names of interfaces that are the keys of a map.
func (c *checker) logFilters(field calico.Path, v reflect.Value) bool {
	ok := true
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		if s := key.String(); s == "*" || !isInterfaceName(s) {
			c.reject(field.Key(s), s, "The key of a log filter is the name of an interface, of 1 to %d letters, digits, '-', '_' and '.': write such as \"eth0\", or \"all\", \"weps\" or \"heps\".", maxInterfaceName)
			ok = false
		}
	}
	return ok
}

// logLevels are the severities that a release knows: Trace came with v3.30.1.
func logLevels(r calico.Release) []string {
	levels := []string{"Trace", "Debug", "Info", "Warning", "Error", "Fatal"}
	if !r.AtLeast(3, 30, 1) {
		return levels[1:]
	}
	return levels
}
