package differential

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
)

// settleNewer takes out, where nothing faulty is wanted, the fields that the
// release does not know: with one of them it looks at nothing else.
func settleNewer(typ string, then settler) settler {
	return func(g *generator, o object) {
		for name := range o {
			if !knowsMember(g.release, typ, name) && !g.chance(g.fault/10) {
				delete(o, name)
			}
		}
		if then != nil {
			then(g, o)
		}
	}
}

// dropEmptyNewer takes out of a manifest the fields that the release does not know
// and that are empty. Its calicoctl refuses them. The provider never writes them:
// what is empty it leaves out.
//
// The oracle of v3.28 is linked with an API module that differs from v3.28.5 in
// three fields (tools/calico/README.md): they are left out there.
func dropEmptyNewer(release calico.Release, kind calico.Kind, tree object) {
	if spec, ok := tree["spec"].(object); ok && !release.AtLeast(3, 29, 0) {
		for _, name := range []string{"wireguardThreadingEnabled", "goGCThreshold", "goMemoryLimitMB"} {
			delete(spec, name)
		}
	}
	if spec, ok := tree["spec"].(object); ok && kind == calico.KindBGPPeer {
		// As with tiers: filters are looked up before they are refused.
		filters, _ := spec["filters"].([]any)
		for i, f := range filters {
			switch f.(type) {
			case nil, string, object, []any:
			default:
				filters[i] = fmt.Sprint(f)
			}
		}
	}
	dropEmpty(release, reflect.TypeOf(kind.New()).Elem(), tree)
}

func dropEmpty(release calico.Release, typ reflect.Type, tree any) {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch v := tree.(type) {
	case []any:
		if typ.Kind() == reflect.Slice {
			for _, e := range v {
				dropEmpty(release, typ.Elem(), e)
			}
		}
	case object:
		if typ.Kind() != reflect.Struct {
			return
		}
		for _, f := range reflect.VisibleFields(typ) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			value, ok := v[name]
			if !ok || name == "metadata" {
				continue
			}
			if !validate.KnowsField(release, declaredIn(typ, f)+"."+name) && isEmpty(value, f.Type) {
				delete(v, name)
				continue
			}
			dropEmpty(release, f.Type, value)
		}
	}
}

func isEmpty(value any, typ reflect.Type) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == "" && typ.Kind() != reflect.Pointer
	case bool:
		return !v && typ.Kind() != reflect.Pointer
	case []any:
		return len(v) == 0 && typ.Kind() != reflect.Pointer
	case object:
		return len(v) == 0 && typ.Kind() != reflect.Pointer
	default:
		return fmt.Sprint(v) == "0" && typ.Kind() != reflect.Pointer
	}
}

func settleFelix(g *generator, o object) {
	if o["routeTableRange"] != nil && !g.chance(g.fault) {
		delete(o, "routeTableRanges")
	}
	if g.fault == 0 && !g.chance(0.01) {
		delete(o, "bpfExportBufferSizeMB")
	}
}

func settleTables(g *generator, o object) {
	if !g.chance(g.fault) {
		o["min"], o["max"] = 1+g.IntN(20), 21+g.IntN(200)
	}
}

func settlePool(g *generator, o object) {
	cidr, _ := o["cidr"].(string)
	v6 := strings.Contains(cidr, ":") && !strings.HasPrefix(cidr, "::ffff")
	if !g.chance(g.fault) {
		if v6 {
			o["blockSize"] = pick(g, []any{116, 122, 128, 0})
		} else {
			o["blockSize"] = pick(g, []any{26, 20, 32, 0})
		}
	}
	if !g.chance(g.fault) && strings.HasSuffix(cidr, "/32") || strings.HasSuffix(cidr, "/128") || strings.HasPrefix(cidr, "::ffff") {
		o["disabled"] = true
	}
	if o["vxlanMode"] != nil && !g.chance(g.fault) || v6 && !g.chance(g.fault) {
		delete(o, "ipipMode")
	}
	uses := fmt.Sprint(o["allowedUses"])
	switch {
	case uses == "[LoadBalancer]" && !g.release.AtLeast(3, 30, 0) && !g.chance(g.fault):
		delete(o, "allowedUses")
	case uses == "[LoadBalancer]" && !g.chance(g.fault):
		for _, name := range []string{"vxlanMode", "ipipMode", "nodeSelector", "disableBGPExport"} {
			delete(o, name)
		}
	case o["namespaceSelector"] != nil && !g.chance(g.fault):
		o["allowedUses"] = []any{"Workload"}
	}
}

func settleBGPConfiguration(g *generator, o object) {
	spec, _ := o["spec"].(object)
	meta, _ := o["metadata"].(object)
	if spec == nil || meta == nil {
		return
	}
	if g.chance(0.7) {
		meta["name"] = "default"
	}
	if meta["name"] != "default" && !g.chance(g.fault) {
		for _, name := range []string{"nodeToNodeMeshEnabled", "asNumber", "serviceLoadBalancerIPs", "serviceExternalIPs", "serviceClusterIPs", "nodeMeshPassword", "nodeMeshMaxRestartTime"} {
			delete(spec, name)
		}
	}
	if spec["nodeToNodeMeshEnabled"] == false && !g.chance(g.fault) {
		delete(spec, "nodeMeshPassword")
		delete(spec, "nodeMeshMaxRestartTime")
	}
	advertisements, _ := spec["prefixAdvertisements"].([]any)
	if len(advertisements) == 0 && !g.chance(g.fault) {
		delete(spec, "communities")
	}
	for _, a := range advertisements {
		if a, ok := a.(object); ok && !g.chance(g.fault) {
			a["communities"] = []any{pick(g, communities[:4])}
			if names, _ := spec["communities"].([]any); len(names) > 0 {
				if c, ok := names[0].(object); ok && c["name"] != nil {
					a["communities"] = []any{c["name"]}
				}
			}
		}
	}
	if spec["prefixAdvertisements"] == nil && !g.chance(g.fault) {
		delete(spec, "prefixAdvertisements")
	}
}

func settlePeer(g *generator, o object) {
	for _, pair := range [][2]string{{"node", "nodeSelector"}, {"peerSelector", "asNumber"}, {"peerSelector", "peerIP"}, {"localWorkloadSelector", "peerIP"}, {"localWorkloadSelector", "peerSelector"}, {"nextHopMode", "keepOriginalNextHop"}} {
		if o[pair[0]] != nil && !g.chance(g.fault) {
			delete(o, pair[1])
		}
	}
	if o["localWorkloadSelector"] != nil && !g.chance(g.fault) {
		o["asNumber"] = 64512
	}
	if o["reachableBy"] != nil && !g.chance(g.fault) {
		v6 := g.chance(0.5)
		o["peerIP"], o["reachableBy"] = "192.0.2.1:179", "10.0.0.1"
		if v6 {
			o["peerIP"], o["reachableBy"] = "[2001:db8::1]:179", "FD00::1"
		}
		delete(o, "peerSelector")
		delete(o, "localWorkloadSelector")
	}
}

func settleFilterRule(g *generator, o object) {
	if cidr, _ := o["cidr"].(string); (cidr == "" || o["matchOperator"] == nil || o["matchOperator"] == "") && !g.chance(g.fault) {
		delete(o, "cidr")
		delete(o, "matchOperator")
		delete(o, "prefixLength")
	}
}

func settleNode(g *generator, o object) {
	if bgp, ok := o["bgp"].(object); ok && len(bgp) == 0 && !g.chance(g.fault) {
		delete(o, "bgp")
	}
}

func settleControllers(g *generator, o object) {
	if meta, ok := o["metadata"].(object); ok && !g.chance(g.fault/2) {
		meta["name"] = "default"
	}
}

func settleTemplates(g *generator, o object) {
	templates, _ := o["templates"].([]any)
	for i, t := range templates {
		t, ok := t.(object)
		if !ok || g.chance(g.fault) {
			continue
		}
		t["generateName"] = fmt.Sprint("template-", i)
		if cidrs, _ := t["interfaceCIDRs"].([]any); len(cidrs) == 0 && t["interfacePattern"] == nil {
			t["interfaceCIDRs"] = []any{"10.0.0.0/8"}
		}
	}
}
