package verdict_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/projectcalico/api/pkg/lib/numorstring"
	"sigs.k8s.io/yaml"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

var shortKinds = map[string]calico.Kind{
	"HEP": calico.KindHostEndpoint, "GNP": calico.KindGlobalNetworkPolicy, "NP": calico.KindNetworkPolicy,
	"GNS": calico.KindGlobalNetworkSet, "NS": calico.KindNetworkSet, "Tier": calico.KindTier,
	"Profile": calico.KindProfile, "Felix": calico.KindFelixConfiguration, "Node": calico.KindNode,
	"SGNP": calico.KindStagedGlobalNetworkPolicy, "SNP": calico.KindStagedNetworkPolicy,
}

// parseWorld reads objects from YAML: a map from "KIND [namespace/]name" to the
// spec, which may hold labels and annotations as well.
func parseWorld(t testing.TB, text string) []calico.Object {
	t.Helper()
	var docs map[string]map[string]any
	if err := yaml.UnmarshalStrict([]byte(text), &docs); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var objects []calico.Object
	for key, spec := range docs {
		short, name, _ := strings.Cut(key, " ")
		metadata := map[string]any{}
		if namespace, rest, ok := strings.Cut(name, "/"); ok {
			metadata["namespace"], name = namespace, rest
		}
		metadata["name"] = name
		for _, field := range []string{"labels", "annotations", "creationTimestamp"} {
			if v, ok := spec[field]; ok {
				metadata[field] = v
				delete(spec, field)
			}
		}
		data, err := json.Marshal(map[string]any{"metadata": metadata, "spec": spec})
		if err != nil {
			t.Fatal(err)
		}
		obj := shortKinds[short].New()
		if err := yaml.UnmarshalStrict(data, obj); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		objects = append(objects, obj)
	}
	return objects
}

// parseFlow reads a flow such as "in TCP 10.0.0.9 22 from=5000 forwarded".
func parseFlow(t testing.TB, text string) verdict.Flow {
	t.Helper()
	words := strings.Fields(text)
	f := verdict.Flow{Protocol: numorstring.ProtocolFromString(words[1])}
	if n, err := strconv.ParseUint(words[1], 10, 8); err == nil {
		f.Protocol = numorstring.ProtocolFromInt(uint8(n))
	}
	if words[0] == "out" {
		f.Direction = verdict.Egress
	}
	var err error
	if strings.Contains(words[2], "/") {
		f.Peer, err = netip.ParsePrefix(words[2])
	} else if words[2] != "nowhere" {
		var addr netip.Addr
		addr, err = netip.ParseAddr(words[2])
		f.Peer = netip.PrefixFrom(addr, addr.BitLen())
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range words[3:] {
		name, value, _ := strings.Cut(word, "=")
		if value == "" && name != "forwarded" {
			name, value = "port", name
		}
		if name == "local" {
			f.Local = netip.MustParseAddr(value)
			continue
		}
		if name == "forwarded" {
			f.Forwarded = true
			continue
		}
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		octet := uint8(n)
		switch name {
		case "port":
			f.Port = uint16(n)
		case "from":
			f.SourcePort = uint16(n)
		case "type":
			f.ICMPType = &octet
		case "code":
			f.ICMPCode = &octet
		default:
			t.Fatalf("flow %q: %q", text, word)
		}
	}
	return f
}

func decide(t testing.TB, world, release, endpoint, flow string, options ...verdict.Option) verdict.Verdict {
	t.Helper()
	r, err := calico.ParseRelease(release)
	if err != nil {
		t.Fatal(err)
	}
	w := verdict.New(parseWorld(t, world), r, options...)
	ep, ok := w.Endpoint(endpoint)
	if !ok {
		t.Fatalf("no endpoint %q", endpoint)
	}
	return w.Decide(ep, parseFlow(t, flow))
}

func traceText(v verdict.Verdict) string {
	var b strings.Builder
	for _, step := range v.Trace {
		fmt.Fprintf(&b, "%s: %s\n", step.By, step.Effect)
	}
	return b.String()
}
