package verdict

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
)

const (
	globalConfig     = "default"
	nodeConfigPrefix = "node."
	// annotationPrefix is that of annotations of a FelixConfiguration in which a
	// parameter of Felix can stand as text. Felix then does not look at the field.
	annotationPrefix = "config.projectcalico.org/"
)

// felixConfigs are the FelixConfigurations that count.
type felixConfigs struct {
	release calico.Release
	byName  map[string]*calico.FelixConfiguration
	// scoped are those for the nodes with certain labels, from v3.32 on.
	scoped []scopedConfig
	nodes  map[string]map[string]string
	cache  map[string]*nodeSettings
}

func newFelixConfigs(r calico.Release) *felixConfigs {
	return &felixConfigs{
		release: r,
		byName:  map[string]*calico.FelixConfiguration{},
		nodes:   map[string]map[string]string{},
		cache:   map[string]*nodeSettings{},
	}
}

func (c *felixConfigs) add(o *calico.FelixConfiguration) {
	switch {
	case o.Name == globalConfig || strings.HasPrefix(o.Name, nodeConfigPrefix):
		c.byName[o.Name] = o
	case c.release.AtLeast(3, 32, 0) && o.Spec.NodeSelector != nil && *o.Spec.NodeSelector != "":
		parsed, _ := selector.Parse(*o.Spec.NodeSelector)
		c.scoped = append(c.scoped, scopedConfig{o, parsed})
	}
}

// scopedConfig is a FelixConfiguration for the nodes with certain labels. Without a
// selector Felix passes over it.
type scopedConfig struct {
	*calico.FelixConfiguration
	// selector is nil if it cannot be read. A Felix of v3.32 that has read the object
	// before goes on with what it said then, until it starts anew.
	selector *selector.Selector
}

// scopedAt returns those of the scoped FelixConfigurations that may hold at a node,
// and whether it is known that the one that is returned does. Of those that select a
// node Felix takes the oldest, and of two of one second the one whose name comes
// first (felix/calc/config_batcher.go, MergeSelectorConfigs). It takes none if
// there is no Node, or if the Node has no labels.
func (c *felixConfigs) scopedAt(node string) (may []scopedConfig, sure bool) {
	labels := c.nodes[node]
	if labels == nil {
		return nil, true
	}
	// Felix takes labels that are there and empty for none, but not when it starts.
	sure = len(labels) > 0
	for _, o := range c.scoped {
		if o.selector == nil || o.selector.Matches(labels) {
			may = append(may, o)
			sure = sure && o.selector != nil
		}
	}
	// An object that is not stored yet can get the second of another one.
	unborn := func(o scopedConfig) bool { return o.CreationTimestamp.IsZero() }
	switch {
	case len(may) < 2:
		return may, sure
	case !sure || slices.ContainsFunc(may, unborn):
		return may, false
	}
	oldest := slices.MinFunc(may, func(a, b scopedConfig) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	return []scopedConfig{oldest}, true
}

// setting is what a parameter of Felix may be at a node.
type setting[T any] struct {
	value T
	// from spells the FelixConfiguration that says so.
	from string
}

// settings returns what a parameter can be at a node, mostly one thing: own tells
// what one FelixConfiguration says. That of the node comes first, and the one for
// all last; one for the nodes with certain labels comes between the two.
func settings[T any](c *felixConfigs, node string, own func(*calico.FelixConfiguration) []T, builtin T) []setting[T] {
	var all []setting[T]
	add := func(o *calico.FelixConfiguration) (says bool) {
		if o == nil {
			return false
		}
		for _, value := range own(o) {
			all = append(all, setting[T]{value, fmt.Sprintf("FelixConfiguration %q", o.Name)})
			says = true
		}
		return says
	}
	if add(c.byName[nodeConfigPrefix+node]) {
		return all
	}
	scoped, sure := c.scopedAt(node)
	for _, o := range scoped {
		if add(o.FelixConfiguration) && sure {
			return all
		}
	}
	if add(c.byName[globalConfig]) {
		return all
	}
	return append(all, setting[T]{builtin, "Felix's default"})
}

// text returns what a FelixConfiguration says about a parameter, as text. An
// annotation replaces the field if it spells the parameter's name exactly; if only
// the case differs Felix takes either.
func text(parameter string, field func(*calico.FelixConfigurationSpec) string) func(*calico.FelixConfiguration) []string {
	return func(o *calico.FelixConfiguration) []string {
		value := field(&o.Spec)
		if exact, ok := o.Annotations[annotationPrefix+parameter]; ok {
			value = exact
		}
		var all []string
		if value != "" {
			all = append(all, value)
		}
		for name, other := range o.Annotations {
			if name != annotationPrefix+parameter && strings.EqualFold(name, annotationPrefix+parameter) && other != "" {
				all = append(all, other)
			}
		}
		slices.Sort(all)
		return all
	}
}

func boolText(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

// nodeSettings is what is known of Felix at a node.
type nodeSettings struct {
	failsafes
	// broken tells why Felix cannot work there, if it cannot.
	broken string
	// ways are in which ways Felix may handle packets there, one if it is known.
	ways []handling
	// bpf tells what makes Felix use eBPF there, if something may.
	bpf string
	// noIPv6 tells what makes Felix leave IPv6 alone, if something may.
	noIPv6 string
	// prefixes tell workload interfaces, excluded those that Felix does not look at.
	prefixes []setting[interfaces]
	excluded []setting[interfaces]
	workloadSettings
}

// handling is one way in which Felix may handle packets.
type handling struct {
	nftables bool
	// keepsInvalid is set if packets that belong to no connection are judged by
	// policies like any other, rather than dropped before.
	keepsInvalid bool
}

// unknown spells in what the ways differ.
func (s *nodeSettings) unknown() string {
	var what []string
	first := s.ways[0]
	if slices.ContainsFunc(s.ways, func(h handling) bool { return h.nftables != first.nftables }) {
		what = append(what, "whether Felix uses iptables or nftables")
	}
	if slices.ContainsFunc(s.ways, func(h handling) bool { return h.keepsInvalid != first.keepsInvalid }) {
		what = append(what, "whether disableConntrackInvalidCheck is set")
	}
	return strings.Join(what, " and ")
}

// of returns the settings of a node, and keeps them.
func (c *felixConfigs) of(node string) *nodeSettings {
	key := c.key(node)
	if c.cache[key] == nil {
		c.cache[key] = c.settingsOf(key)
	}
	return c.cache[key]
}

// known returns the settings of a node. It changes nothing.
func (c *felixConfigs) known(node string) *nodeSettings {
	if s := c.cache[c.key(node)]; s != nil {
		return s
	}
	return c.settingsOf(node)
}

// key is the node, or nothing if its settings are those of any other.
func (c *felixConfigs) key(node string) string {
	if c.byName[nodeConfigPrefix+node] == nil && (len(c.scoped) == 0 || c.nodes[node] == nil) {
		return ""
	}
	return node
}

func (c *felixConfigs) settingsOf(node string) *nodeSettings {
	s := &nodeSettings{}
	s.failsafes, s.broken = c.failsafesOf(node)
	for _, nftables := range c.nftablesAt(node) {
		for _, check := range c.flag(node, "DisableConntrackInvalidCheck", func(s *calico.FelixConfigurationSpec) *bool { return s.DisableConntrackInvalidCheck }, false) {
			if how := (handling{nftables, check.value}); !slices.Contains(s.ways, how) {
				s.ways = append(s.ways, how)
			}
		}
	}
	for _, bpf := range c.flag(node, "BPFEnabled", func(s *calico.FelixConfigurationSpec) *bool { return s.BPFEnabled }, false) {
		if bpf.value {
			s.bpf = bpf.from + " sets bpfEnabled"
		}
	}
	for _, v6 := range c.flag(node, "Ipv6Support", func(s *calico.FelixConfigurationSpec) *bool { return s.IPv6Support }, true) {
		if !v6.value {
			s.noIPv6 = v6.from + " sets ipv6Support to false"
		}
	}
	for _, prefix := range settings(c, node, text("InterfacePrefix", func(s *calico.FelixConfigurationSpec) string { return s.InterfacePrefix }), "cali") {
		if s.broken == "" && (!ifaceList.MatchString(prefix.value) || strings.EqualFold(prefix.value, "none")) {
			s.broken = fmt.Sprintf("Felix cannot work with %s, whose interfacePrefix is %q", prefix.from, prefix.value)
		}
		s.prefixes = append(s.prefixes, setting[interfaces]{interfaces{text: prefix.value, prefixes: strings.Split(prefix.value, ",")}, prefix.from})
	}
	for _, list := range settings(c, node, text("InterfaceExclude", func(s *calico.FelixConfigurationSpec) string { return s.InterfaceExclude }), defaultExclude) {
		s.excluded = append(s.excluded, setting[interfaces]{excludedBy(list.value), list.from})
	}
	s.workloadSettings = c.workloadSettingsOf(node)
	return s
}

// flag returns what a parameter that is true or false can be. Felix takes its
// default where it cannot read what is set.
func (c *felixConfigs) flag(node, parameter string, field func(*calico.FelixConfigurationSpec) *bool, builtin bool) []setting[bool] {
	own := text(parameter, func(s *calico.FelixConfigurationSpec) string { return boolText(field(s)) })
	var all []setting[bool]
	for _, s := range settings(c, node, own, strconv.FormatBool(builtin)) {
		value := builtin
		switch strings.ToLower(s.value) {
		case "true", "1", "yes", "y", "t":
			value = true
		case "false", "0", "no", "n", "f", "none":
			value = false
		}
		all = append(all, setting[bool]{value, s.from})
	}
	return all
}

// NFTablesMode returns in which mode Felix is at a node: Enabled if it uses
// nftables, Disabled if it uses iptables, and Auto if the objects do not tell: from
// v3.32 on Felix does by default as kube-proxy on its host does.
func (w *World) NFTablesMode(node string) v3.NFTablesMode {
	modes := w.felix.nftablesAt(node)
	switch {
	case len(modes) > 1:
		return v3.NFTablesModeAuto
	case modes[0]:
		return v3.NFTablesModeEnabled
	default:
		return v3.NFTablesModeDisabled
	}
}

// nftablesAt returns whether Felix uses nftables at a node: one answer if it is
// known, and both otherwise.
func (c *felixConfigs) nftablesAt(node string) []bool {
	if !c.release.AtLeast(3, 29, 0) {
		return []bool{false}
	}
	builtin := v3.NFTablesModeAuto
	if !c.release.AtLeast(3, 32, 0) {
		builtin = v3.NFTablesModeDisabled
	}
	own := text("NFTablesMode", func(s *calico.FelixConfigurationSpec) string {
		if s.NFTablesMode == nil {
			return ""
		}
		return string(*s.NFTablesMode)
	})
	var can [2]bool
	for _, mode := range settings(c, node, own, string(builtin)) {
		switch value := strings.ToLower(mode.value); {
		case value == "enabled":
			can[1] = true
		// A Felix before v3.32 does not know Auto, and takes its default for it.
		case value == "disabled" || value == "none" || builtin == v3.NFTablesModeDisabled:
			can[0] = true
		default:
			can = [2]bool{true, true}
		}
	}
	switch {
	case can[0] && can[1]:
		return []bool{false, true}
	default:
		return []bool{can[1]}
	}
}

const defaultExclude = "kube-ipvs0"

var (
	ifaceList    = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,15}(,[a-zA-Z0-9_-]{1,15})*$`)
	ifaceName    = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,15}$`)
	ifacePattern = regexp.MustCompile(`^/\S+/$`)
)

// interfaces are those that a setting names.
type interfaces struct {
	text     string
	prefixes []string
	names    []string
	patterns []*regexp.Regexp
}

func (i *interfaces) has(name string) bool {
	return slices.ContainsFunc(i.prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) ||
		slices.Contains(i.names, name) ||
		slices.ContainsFunc(i.patterns, func(p *regexp.Regexp) bool { return p.MatchString(name) })
}

// excludedBy returns the interfaces that a value of interfaceExclude names. Felix
// takes its default for a list with anything that it cannot read.
func excludedBy(list string) interfaces {
	all := interfaces{text: list}
	if strings.EqualFold(list, "none") {
		return all
	}
	for _, element := range strings.Split(list, ",") {
		switch {
		case ifacePattern.MatchString(element):
			pattern, err := regexp.Compile(element[1 : len(element)-1])
			if err != nil {
				return interfaces{text: list, names: []string{defaultExclude}}
			}
			all.patterns = append(all.patterns, pattern)
		case ifaceName.MatchString(element):
			all.names = append(all.names, element)
		default:
			return interfaces{text: list, names: []string{defaultExclude}}
		}
	}
	return all
}

// interfaceIs tells whether an interface is one of a setting: no, yes, or maybe, and
// the setting by which it is.
func interfaceIs(iface string, all []setting[interfaces]) (is truth, by *setting[interfaces]) {
	if iface == "" || iface == AnyInterface {
		return no, nil
	}
	hits := 0
	for i := range all {
		if all[i].value.has(iface) {
			by = &all[i]
			hits++
		}
	}
	switch hits {
	case 0:
		return no, nil
	case len(all):
		return yes, by
	default:
		return maybe, by
	}
}
