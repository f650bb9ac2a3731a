package verdict

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/address"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/selector"
)

const (
	namespaceLabel      = "projectcalico.org/namespace"
	serviceAccountLabel = "projectcalico.org/serviceaccount"
	// The labels of namespaces and service accounts reach what is in them by
	// profiles, under these prefixes.
	namespacePrefix      = "pcns."
	serviceAccountPrefix = "pcsa."
	// namespaceProfile precedes the namespace in the name of its profile.
	namespaceProfile = "kns."
	// DefaultAllowProfile exists in every datastore without being stored there.
	DefaultAllowProfile = "projectcalico-default-allow"
)

// World is everything that decides about flows, prepared for many questions. It
// is safe for use by several goroutines.
type World struct {
	release calico.Release
	// noServices is set where Calico resolves no Kubernetes service.
	noServices bool
	felix      *felixConfigs

	endpoints []*Endpoint
	byName    map[string]*Endpoint
	workloads workloads
	services  services
	pools     []pool
	tiers     []*tier
	profiles  map[string]*profile
	// untracks is set if there are doNotTrack policies, and faulty if there are rules
	// that Felix cannot program.
	untracks, faulty bool
	// addressless is set for a family of which some endpoint expects no address.
	addressless [2]bool
	// contested are the addresses that endpoints of several nodes expect, and these.
	contested map[netip.Addr][]*Endpoint
	// sharedBy are the addresses that workloads share with other endpoints, and these.
	sharedBy map[netip.Addr][]*Endpoint

	// things is what selectors in rules choose from.
	things []thing
	// labelSets holds each different set of labels once: many endpoints and sets
	// have the same, and whether a selector matches is asked once for each.
	labelSets []map[string]string
	labelIDs  map[string]int
	// inNamespace are the indexes of the label sets with a namespace, and labelled those
	// of the things with a set of labels.
	inNamespace map[string][]int
	labelled    [][]int
	// members holds what selectors choose, by their text.
	members map[string]*memberSet

	// mu guards what is computed when first needed: programs, and the content of members.
	mu       sync.Mutex
	programs map[int]*program
	stuck    map[string]*Problem
}

// thing is a host endpoint, a workload endpoint or a network set.
type thing struct {
	// endpoint is the name of a host endpoint.
	endpoint string
	// set is true for a network set.
	set    bool
	labels int
	nets   []address.Range
	ports  []namedPort
}

type namedPort struct {
	name     string
	protocol uint8
	port     uint16
}

type tier struct {
	name string
	// order is infinite where it is unset. Tiers that do not exist come after all
	// that do, and end with a drop.
	order    float64
	exists   bool
	pass     bool
	policies []*policy
}

type policy struct {
	id calico.ID
	// namespace is that of the endpoints that it is for; empty for all.
	namespace string
	order     float64
	tieBreak  string
	selector  *selector.Selector
	governs   [2]bool
	stage     stage
	forward   bool
	rules     [2][]*rule
	// numbers tell which rule of a NetworkPolicy of Kubernetes each of the rules is made
	// of; nil where they are Calico's own.
	numbers [2][]int
}

// number is the number by which a user knows a rule.
func (p *policy) number(d Direction, rule int) int {
	if p.numbers[d] != nil {
		return p.numbers[d][rule]
	}
	return rule + 1
}

type profile struct {
	name   string
	labels map[string]string
	rules  [2][]*rule
}

// stage is a table of the dataplane that packets pass through.
type stage int

const (
	untracked stage = iota
	preDNAT
	normal
	forwarded
	stages
)

// program is the policies that apply to endpoints with the same labels.
type program [stages][2][]tierRun

// tierRun is a tier with those of its policies that apply.
type tierRun struct {
	*tier
	policies []*policy
}

// Option tells New what the objects do not tell.
type Option func(*World)

// WithoutServices is for a datastore from which Calico's Felix learns of no Kubernetes
// service (felix/daemon watches services and their endpoints for the Kubernetes datastore
// alone), so that a rule that names one matches nothing. Without this option such a rule
// is undecided.
func WithoutServices(w *World) { w.noServices = true }

// New prepares objects of any kinds. Those that Dependencies does not list make
// no difference: staged policies, for one. Beside these there may be WorkloadEndpoints,
// the policies of package cluster and IPPools.
func New(objects []calico.Object, release calico.Release, options ...Option) *World {
	w := &World{
		release:  release,
		byName:   map[string]*Endpoint{},
		profiles: map[string]*profile{},
		labelIDs: map[string]int{},

		inNamespace: map[string][]int{},
		members:     map[string]*memberSet{},
		programs:    map[int]*program{},
		stuck:       map[string]*Problem{},
		felix:       newFelixConfigs(release),
	}
	for _, option := range options {
		option(w)
	}
	// Labels come from profiles, whether those stand before or after the endpoint.
	w.addProfile(&v3.Profile{Spec: v3.ProfileSpec{
		Ingress: []v3.Rule{{Action: v3.Allow}}, Egress: []v3.Rule{{Action: v3.Allow}},
	}}, DefaultAllowProfile)
	for _, obj := range objects {
		if o, ok := obj.(*v3.Profile); ok {
			w.addProfile(o, o.Name)
		}
	}
	tiers := map[string]*tier{}
	for _, obj := range objects {
		switch o := obj.(type) {
		case *v3.HostEndpoint:
			w.addEndpoint(o)
		case *v3.GlobalNetworkSet:
			w.addSet(o.Labels, o.Spec.Nets, "")
		case *v3.NetworkSet:
			w.addSet(o.Labels, o.Spec.Nets, o.Namespace)
		case *v3.Tier:
			w.addTier(tiers, o)
		case *v3.GlobalNetworkPolicy:
			w.addGlobalPolicy(tiers, o)
		case *v3.NetworkPolicy:
			w.addNamespacedPolicy(tiers, o)
		case *calico.FelixConfiguration:
			w.felix.add(o)
		case *v3.FelixConfiguration:
			// To pass over it would be to take failsafe ports for open that it closes.
			panic("verdict: a FelixConfiguration is a *calico.FelixConfiguration")
		case *calico.Node:
			w.felix.nodes[o.Name] = o.Labels
		case *calico.WorkloadEndpoint:
			w.addWorkload(o)
		case *cluster.Policy:
			w.addKubernetesPolicy(tiers, o)
		case *v3.IPPool:
			w.addPool(o)
		}
	}
	for i, th := range w.things {
		w.labelled[th.labels] = append(w.labelled[th.labels], i)
	}
	slices.SortFunc(w.endpoints, func(a, b *Endpoint) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(w.felix.scoped, func(a, b scopedConfig) int { return strings.Compare(a.Name, b.Name) })
	for _, ep := range w.endpoints {
		ep.node = w.felix.of(ep.Node)
	}
	w.sortWorkloads()
	w.findContested()
	w.sortTiers(tiers)
	return w
}

func (w *World) addProfile(o *v3.Profile, name string) {
	p := &profile{name: name, labels: o.Spec.LabelsToApply}
	var ok bool
	if p.rules, ok = w.rules(o.Spec.Ingress, o.Spec.Egress, ""); !ok {
		// Felix drops what gets to a profile that it cannot read, as it does where
		// there is none.
		return
	}
	w.profiles[name] = p
}

func (w *World) addEndpoint(o *v3.HostEndpoint) {
	ep := &Endpoint{
		Name:        o.Name,
		Node:        o.Spec.Node,
		Interface:   o.Spec.InterfaceName,
		ExpectedIPs: ExpectedIPs(o),
		Labels:      w.inherit(o.Labels, o.Spec.Profiles),
		profiles:    o.Spec.Profiles,
	}
	th := thing{endpoint: ep.Name}
	var families [2]bool
	for _, ip := range ep.ExpectedIPs {
		th.nets = append(th.nets, address.Range{First: ip, Last: ip})
		families[familyOf(ip)] = true
	}
	for f, some := range families {
		w.addressless[f] = w.addressless[f] || !some
	}
	for _, port := range o.Spec.Ports {
		if number, ok := protocolNumber(port.Protocol); ok {
			th.ports = append(th.ports, namedPort{port.Name, number, port.Port})
		}
	}
	ep.labels = w.labelID(ep.Labels)
	th.labels = ep.labels
	w.endpoints = append(w.endpoints, ep)
	w.byName[ep.Name] = ep
	w.things = append(w.things, th)
}

func (w *World) addSet(labels map[string]string, nets []string, namespace string) {
	if namespace != "" {
		own := map[string]string{}
		for k, v := range labels {
			own[k] = v
		}
		own[namespaceLabel] = namespace
		labels = w.inherit(own, []string{namespaceProfile + namespace})
	}
	th := thing{set: true, labels: w.labelID(labels)}
	for _, text := range nets {
		if r, ok := address.ParseRange(text); ok {
			th.nets = append(th.nets, r)
		}
	}
	w.things = append(w.things, th)
}

// inherit adds the labels of profiles; a label of its own comes first, then the
// first profile that has it.
func (w *World) inherit(own map[string]string, profiles []string) map[string]string {
	all := make(map[string]string, len(own))
	for i := len(profiles) - 1; i >= 0; i-- {
		if p := w.profiles[profiles[i]]; p != nil {
			for k, v := range p.labels {
				all[k] = v
			}
		}
	}
	for k, v := range own {
		all[k] = v
	}
	return all
}

// labelID returns the index of the labels in labelSets.
func (w *World) labelID(labels map[string]string) int {
	keys := make([]string, 0, len(labels))
	for k := range labels {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var b strings.Builder
	for _, k := range keys {
		// No label holds a NUL.
		b.WriteString(k + "\x00" + labels[k] + "\x00")
	}
	id, ok := w.labelIDs[b.String()]
	if !ok {
		id = len(w.labelSets)
		w.labelIDs[b.String()] = id
		w.labelSets = append(w.labelSets, labels)
		w.labelled = append(w.labelled, nil)
		if namespace, ok := labels[namespaceLabel]; ok {
			w.inNamespace[namespace] = append(w.inNamespace[namespace], id)
		}
	}
	return id
}

func (w *World) hasTiers() bool { return w.release.AtLeast(3, 29, 0) }

func (w *World) addTier(tiers map[string]*tier, o *v3.Tier) {
	if !w.hasTiers() {
		return
	}
	t := tierNamed(tiers, o.Name)
	t.exists = true
	t.pass = o.Spec.DefaultAction != nil && *o.Spec.DefaultAction == v3.Pass
	t.order = orderOf(o.Spec.Order)
}

func tierNamed(tiers map[string]*tier, name string) *tier {
	if tiers[name] == nil {
		tiers[name] = &tier{name: name, order: math.Inf(1)}
	}
	return tiers[name]
}

func orderOf(order *float64) float64 {
	if order == nil {
		return math.Inf(1)
	}
	return *order
}

// parse reads a selector as the release does.
func (w *World) parse(text string) (*selector.Selector, error) {
	if w.release.AtLeast(3, 30, 0) {
		return selector.Parse(text)
	}
	return selector.ParseUpTo329(text)
}

// prefixed returns a selector with prefixed labels as text, or nothing if it does
// not parse: Felix leaves it out then.
func (w *World) prefixed(text, prefix string) string {
	sel, err := w.parse(text)
	if err != nil {
		return ""
	}
	return "(" + sel.Prefixed(prefix).String() + ")"
}

func joinPrefixed(text, prefixed string) string {
	switch {
	case prefixed == "":
		return text
	case text == "":
		return prefixed
	default:
		return "(" + text + ") && " + prefixed
	}
}

// programFor returns the policies that an interface with the endpoint meets. They
// are those of the endpoint but for one thing: an endpoint without preDNAT
// policies has no place in the table of these, and so what comes in there meets
// those of the endpoint for all interfaces.
func (w *World) programFor(ep *Endpoint) *program {
	own := w.programOf(ep.labels)
	if ep.Workload != nil || ep.Interface == AnyInterface || len(own[preDNAT][Ingress]) > 0 {
		return own
	}
	all := w.forAll(ep.Node)
	if all == nil || len(w.programOf(all.labels)[preDNAT][Ingress]) == 0 {
		return own
	}
	mixed := *own
	mixed[preDNAT] = w.programOf(all.labels)[preDNAT]
	return &mixed
}

// programOf returns the policies that apply to endpoints with a set of labels.
func (w *World) programOf(labels int) *program {
	if p := w.programs[labels]; p != nil {
		return p
	}
	prog := &program{}
	for _, t := range w.tiers {
		var runs [stages][2][]*policy
		for _, p := range t.policies {
			if p.namespace != "" && w.labelSets[labels][namespaceLabel] != p.namespace || !p.selector.Matches(w.labelSets[labels]) {
				continue
			}
			for d, governs := range p.governs {
				if !governs {
					continue
				}
				runs[p.stage][d] = append(runs[p.stage][d], p)
				if p.stage == normal && p.forward {
					runs[forwarded][d] = append(runs[forwarded][d], p)
				}
			}
		}
		for s := range runs {
			for d, policies := range runs[s] {
				if len(policies) > 0 {
					prog[s][d] = append(prog[s][d], tierRun{t, policies})
				}
			}
		}
	}
	w.programs[labels] = prog
	return prog
}
