package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// In Kubernetes a host is a Node of Kubernetes' own. What Calico knows of it beyond that is
// in annotations.
const (
	nodeDomain           = "projectcalico.org/"
	nodeASNumber         = nodeDomain + "ASNumber"
	nodeIPv4             = nodeDomain + "IPv4Address"
	nodeIPv6             = nodeDomain + "IPv6Address"
	nodeReflector        = nodeDomain + "RouteReflectorClusterID"
	nodeIPIP             = nodeDomain + "IPv4IPIPTunnelAddr"
	nodeVXLAN            = nodeDomain + "IPv4VXLANTunnelAddr"
	nodeVXLANMAC         = nodeDomain + "VXLANTunnelMACAddr"
	nodeVXLANIPv6        = nodeDomain + "IPv6VXLANTunnelAddr"
	nodeVXLANMACIPv6     = nodeDomain + "VXLANTunnelMACAddrV6"
	nodeWireguardIPv4    = nodeDomain + "IPv4WireguardInterfaceAddr"
	nodeWireguardIPv6    = nodeDomain + "IPv6WireguardInterfaceAddr"
	nodeWireguardKey     = nodeDomain + "WireguardPublicKey"
	nodeWireguardKeyIPv6 = nodeDomain + "WireguardPublicKeyV6"
	nodeInterfaces       = nodeDomain + "Interfaces"
	nodeLabels           = nodeDomain + "labels"
	nodeAnnotations      = nodeDomain + "annotations"
)

// nodeMeta is what is kept of a Node of Kubernetes beside its Calico part.
type nodeMeta struct {
	UID string `json:"uid"`
	// Annotations are those that Calico's part is made of; nil if the node has no
	// annotation at all.
	Annotations map[string]string `json:"annotations,omitempty"`
	// Labels are those of Kubernetes.
	Labels map[string]string `json:"labels,omitempty"`
}

// nodeStored makes of a Node of Kubernetes what Calico makes of it.
func nodeStored(body []byte) (*datastore.Stored, error) {
	var k struct {
		Metadata meta `json:"metadata"`
		Spec     struct {
			PodCIDR  string   `json:"podCIDR"`
			PodCIDRs []string `json:"podCIDRs"`
		} `json:"spec"`
		Status struct {
			Addresses []struct{ Type, Address string } `json:"addresses"`
		} `json:"status"`
	}
	if err := json.Unmarshal(body, &k); err != nil {
		return nil, err
	}
	m := k.Metadata
	n := calico.NewNode()
	n.Name = m.Name
	annotations := map[string]string{}
	text := func(key string) string { return m.Annotations[key] }

	var extra map[string]string
	_ = json.Unmarshal([]byte(text(nodeLabels)), &extra)
	n.Labels = merged(extra, m.Labels)
	_ = json.Unmarshal([]byte(text(nodeAnnotations)), &annotations)
	if len(annotations) > 0 {
		n.Annotations = annotations
	}
	bgp := &calico.NodeBGPSpec{
		IPv4Address: text(nodeIPv4), IPv6Address: text(nodeIPv6),
		IPv4IPIPTunnelAddr: text(nodeIPIP), RouteReflectorClusterID: text(nodeReflector),
	}
	if as, err := numorstring.ASNumberFromString(text(nodeASNumber)); err == nil {
		bgp.ASNumber = &as
	}
	if *bgp != (calico.NodeBGPSpec{}) {
		n.Spec.BGP = bgp
	}
	n.Spec.IPv4VXLANTunnelAddr, n.Spec.VXLANTunnelMACAddr = text(nodeVXLAN), text(nodeVXLANMAC)
	n.Spec.IPv6VXLANTunnelAddr, n.Spec.VXLANTunnelMACAddrV6 = text(nodeVXLANIPv6), text(nodeVXLANMACIPv6)
	if w := (calico.NodeWireguardSpec{InterfaceIPv4Address: text(nodeWireguardIPv4), InterfaceIPv6Address: text(nodeWireguardIPv6)}); w != (calico.NodeWireguardSpec{}) {
		n.Spec.Wireguard = &w
	}
	_ = json.Unmarshal([]byte(text(nodeInterfaces)), &n.Spec.Interfaces)
	n.Spec.OrchRefs = orchRefs(m.Name)
	var kubelets []calico.NodeAddress
	for _, a := range k.Status.Addresses {
		if a.Type == "InternalIP" || a.Type == "ExternalIP" {
			kubelets = append(kubelets, calico.NodeAddress{Address: a.Address, Type: a.Type})
		}
	}
	n.Spec.Addresses = nodeAddresses(*bgp, kubelets)
	n.Status.WireguardPublicKey, n.Status.WireguardPublicKeyV6 = text(nodeWireguardKey), text(nodeWireguardKeyIPv6)
	if n.Status.PodCIDRs = k.Spec.PodCIDRs; n.Status.PodCIDRs == nil && k.Spec.PodCIDR != "" {
		n.Status.PodCIDRs = []string{k.Spec.PodCIDR}
	}
	raw, err := storage.EncodeSpec(n)
	if err != nil {
		return nil, err
	}
	if raw, err = withIdentity(raw, m); err != nil {
		return nil, err
	}
	own := nodeMeta{UID: m.UID, Labels: m.Labels}
	if m.Annotations != nil {
		own.Annotations = map[string]string{}
		for key, value := range m.Annotations {
			if strings.HasPrefix(key, nodeDomain) {
				own.Annotations[key] = value
			}
		}
	}
	stored := &datastore.Stored{Where: calicoAPI{}.location(calico.KindNode, "", m.Name).String(), Version: m.ResourceVersion, Raw: raw}
	if stored.Filled = []string{"orchRefs"}; len(n.Spec.Addresses) > 0 {
		stored.Filled = append(stored.Filled, "addresses")
	}
	stored.ShownLabels = slices.Sorted(maps.Keys(m.Labels))
	stored.Own, err = marshal(own)
	return stored, err
}

// orchRefs is what Calico shows of a Node of Kubernetes for what calls the host so.
func orchRefs(name string) []calico.OrchRef {
	return []calico.OrchRef{{NodeName: name, Orchestrator: "k8s"}}
}

// nodeAddresses are the addresses that Calico shows of a node: those that it speaks BGP by,
// and those that its kubelet tells.
func nodeAddresses(bgp calico.NodeBGPSpec, kubelets []calico.NodeAddress) []calico.NodeAddress {
	all := []calico.NodeAddress{{Address: bgp.IPv4Address, Type: bgpAddress}, {Address: bgp.IPv6Address, Type: bgpAddress}}
	seen := map[string]bool{"": true}
	return slices.DeleteFunc(append(all, kubelets...), func(a calico.NodeAddress) bool {
		again := seen[a.Address]
		seen[a.Address] = true
		return again
	})
}

// bgpAddress is the type of an address that a node speaks BGP by.
const bgpAddress = "CalicoNodeIP"

// notKept returns the fields of a node that cannot have the values that are given to them,
// as Calico makes them of what Kubernetes tells. was is what there is now.
func notKept(n, was *calico.Node) (causes []datastore.Cause) {
	if given := n.Spec.OrchRefs; len(given) > 0 && !slices.Equal(given, orchRefs(n.Name)) {
		causes = append(causes, datastore.Cause{Field: "spec.orchRefs", Reason: "Here it is always the name of the Node, and k8s: leave it out."})
	}
	var bgp calico.NodeBGPSpec
	if n.Spec.BGP != nil {
		bgp = *n.Spec.BGP
	}
	kubelets := slices.DeleteFunc(slices.Clone(was.Spec.Addresses), func(a calico.NodeAddress) bool { return a.Type == bgpAddress })
	if given := n.Spec.Addresses; len(given) > 0 && !slices.Equal(given, nodeAddresses(bgp, kubelets)) {
		causes = append(causes, datastore.Cause{Field: "spec.addresses", Reason: "Here these are always the addresses of the Node that its kubelet tells, and those of BGP: leave them out."})
	}
	return causes
}

// withIdentity puts uid and creation time into an encoded object.
func withIdentity(raw []byte, m meta) ([]byte, error) {
	var object, metadata fields
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(object["metadata"], &metadata); err != nil {
		return nil, err
	}
	metadata["creationTimestamp"] = m.CreationTimestamp
	var err error
	if metadata["uid"], err = marshal(m.UID); err != nil {
		return nil, err
	}
	if object["metadata"], err = marshal(metadata); err != nil {
		return nil, err
	}
	return marshal(object)
}

// nodeAnnotationsOf returns the annotations in which Calico keeps what a Node says. Those
// that it keeps nothing in are empty. kubernetes are the labels of the Node of Kubernetes.
func nodeAnnotationsOf(n *calico.Node, kubernetes map[string]string) (map[string]string, error) {
	a := map[string]string{
		nodeVXLAN: n.Spec.IPv4VXLANTunnelAddr, nodeVXLANMAC: n.Spec.VXLANTunnelMACAddr,
		nodeVXLANIPv6: n.Spec.IPv6VXLANTunnelAddr, nodeVXLANMACIPv6: n.Spec.VXLANTunnelMACAddrV6,
	}
	bgp := calico.NodeBGPSpec{}
	if n.Spec.BGP != nil {
		bgp = *n.Spec.BGP
	}
	a[nodeIPv4], a[nodeIPv6], a[nodeIPIP], a[nodeReflector] = bgp.IPv4Address, bgp.IPv6Address, bgp.IPv4IPIPTunnelAddr, bgp.RouteReflectorClusterID
	a[nodeASNumber] = ""
	if bgp.ASNumber != nil {
		a[nodeASNumber] = strconv.FormatUint(uint64(*bgp.ASNumber), 10)
	}
	wireguard := calico.NodeWireguardSpec{}
	if n.Spec.Wireguard != nil {
		wireguard = *n.Spec.Wireguard
	}
	a[nodeWireguardIPv4], a[nodeWireguardIPv6] = wireguard.InterfaceIPv4Address, wireguard.InterfaceIPv6Address
	own := map[string]string{}
	for key, value := range n.Labels {
		if kubernetes[key] != value {
			own[key] = value
		}
	}
	for key, value := range map[string]any{nodeLabels: own, nodeAnnotations: n.Annotations, nodeInterfaces: n.Spec.Interfaces} {
		text, err := marshal(value)
		if err != nil {
			return nil, err
		}
		if a[key] = string(text); a[key] == "{}" || a[key] == "null" || a[key] == "[]" {
			a[key] = ""
		}
	}
	return a, nil
}

// claimNode writes the Calico part of a Node that has none yet: Calico makes no Node of
// Kubernetes, kubelet does.
func (s *Store) claimNode(ctx context.Context, f *facts, obj calico.Object) (*datastore.Stored, error) {
	id := calico.IDOf(obj)
	at := f.location(id.Kind, "", id.Name)
	now, err := s.getAt(ctx, f, id.Kind, at)
	if err != nil {
		return nil, err
	}
	if now == nil {
		return nil, rejected(id, "There is no node %q in the cluster. In the Kubernetes datastore a host is a Node of Kubernetes', which its kubelet makes: Calico only adds to it. Correct the name, or wait until the node has joined the cluster.", safetext.Line(id.Name))
	}
	if err := decode(id.Kind, now); err != nil {
		return nil, err
	}
	return nil, &datastore.AlreadyExistsError{ID: id, Where: at.String(), Stored: now, Changes: []string{"it is a Node of Kubernetes', which is there already: import it"}}
}

// patchNode changes the Calico part of a Node.
func (s *Store) patchNode(ctx context.Context, f *facts, obj calico.Object, base *datastore.Stored) (*datastore.Stored, error) {
	n, ok := obj.(*calico.Node)
	if !ok {
		return nil, fmt.Errorf("a %T is no node", obj)
	}
	var own nodeMeta
	if err := json.Unmarshal(base.Own, &own); err != nil {
		return nil, err
	}
	for key, value := range own.Labels {
		if given, ok := n.Labels[key]; !ok || given != value {
			return nil, rejected(calico.IDOf(obj), "The label %s = %q is one of the Node of Kubernetes, which Calico shows and cannot change: leave it out of `labels`, keep it as it is, or change it with kubectl.", safetext.Line(key), safetext.Line(value))
		}
	}
	before := clone(base)
	if err := decode(calico.KindNode, before); err != nil {
		return nil, err
	}
	if was, ok := before.Object.(*calico.Node); ok {
		if causes := notKept(n, was); len(causes) > 0 {
			return nil, &datastore.RejectedError{ID: calico.IDOf(obj), Reason: "In the Kubernetes datastore some of a node is not kept, but made of what Kubernetes tells.", Causes: causes}
		}
	}
	want, err := nodeAnnotationsOf(n, own.Labels)
	if err != nil {
		return nil, err
	}
	return s.patchNodeAnnotations(ctx, f, calico.IDOf(obj), base, own, want)
}

// patchNodeAnnotations sets annotations of a Node; those that are to be empty are removed.
// It goes through the Node's status: the right to that cannot cordon a node.
func (s *Store) patchNodeAnnotations(ctx context.Context, f *facts, id calico.ID, base *datastore.Stored, own nodeMeta, want map[string]string) (*datastore.Stored, error) {
	uid, err := marshal(own.UID)
	if err != nil {
		return nil, err
	}
	operations := []operation{{"test", "/metadata/uid", uid}}
	if own.Annotations == nil {
		operations = append(operations, operation{"test", "/metadata/annotations", null}, operation{"add", "/metadata/annotations", json.RawMessage("{}")})
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		path := "/metadata/annotations/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
		before, was := own.Annotations[key]
		value, err := marshal(want[key])
		if err != nil {
			return nil, err
		}
		old, err := marshal(before)
		if err != nil {
			return nil, err
		}
		switch {
		case was && before == want[key]:
		case was && want[key] == "":
			operations = append(operations, operation{"test", path, old}, operation{"remove", path, nil})
		case was:
			operations = append(operations, operation{"test", path, old}, operation{"replace", path, value})
		case want[key] != "" && own.Annotations != nil:
			operations = append(operations, operation{"test", path, null}, operation{"add", path, value})
		case want[key] != "":
			operations = append(operations, operation{"add", path, value})
		}
	}
	body, err := marshal(operations)
	if err != nil {
		return nil, err
	}
	at := parseWhere(base.Where)
	query := strictly()
	answer, err := s.mutate(ctx, request{
		operation: "patch", method: http.MethodPatch, at: at, path: at.path() + "/status", query: query,
		contentType: jsonPatchType, body: body, id: id,
	})
	if err != nil {
		return nil, err
	}
	return s.read(f, calico.KindNode, answer)
}

// releaseNode takes the settings of Calico off a Node, and of its labels and annotations
// those that given has. The Node itself stays: it is Kubernetes'. So do the addresses that
// calico-node has found.
func (s *Store) releaseNode(ctx context.Context, f *facts, base *datastore.Stored, given calico.Object) (*datastore.Stored, error) {
	var own nodeMeta
	if err := json.Unmarshal(base.Own, &own); err != nil {
		return nil, err
	}
	want := map[string]string{nodeASNumber: "", nodeReflector: ""}
	for key, ours := range map[string]map[string]string{nodeLabels: given.GetLabels(), nodeAnnotations: given.GetAnnotations()} {
		left := map[string]string{}
		_ = json.Unmarshal([]byte(own.Annotations[key]), &left) // what cannot be read, Calico does not see either
		maps.DeleteFunc(left, func(name, _ string) bool { _, is := ours[name]; return is })
		want[key] = ""
		if len(left) > 0 {
			text, err := marshal(left)
			if err != nil {
				return nil, err
			}
			want[key] = string(text)
		}
	}
	_, err := s.patchNodeAnnotations(ctx, f, calico.IDOf(base.Object), base, own, want)
	return nil, err
}
