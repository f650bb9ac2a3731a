package connectivity

import (
	"context"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
)

const (
	policyObject   = `{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"web"},"spec":{"order":1,"selector":"role == 'web'","ingress":[{"action":"Allow","protocol":"TCP","source":{"nets":["10.0.0.0/8"]},"destination":{"ports":[80,"http"]}},{"action":"Log"}]}}`
	endpointObject = `{"kind":"HostEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"w1","labels":{"role":"web"}},"spec":{"node":"w1","interfaceName":"eth0","expectedIPs":["10.3.0.1"],"ports":[{"name":"http","protocol":"TCP","port":8080}]}}`
	otherEndpoint  = `{"kind":"HostEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"w2"},"spec":{"node":"w2","interfaceName":"*"}}`
)

// ask calls the function as Terraform does.
func ask(t *testing.T, objects []string, flow attr.Value, releases ...string) (map[string]attr.Value, *function.FuncError) {
	t.Helper()
	ctx := context.Background()
	list := []attr.Value{}
	for _, o := range objects {
		list = append(list, textOrNull(o))
	}
	variadic, variadicTypes := []attr.Value{}, []attr.Type{}
	for _, r := range releases {
		variadic, variadicTypes = append(variadic, types.StringValue(r)), append(variadicTypes, types.StringType)
	}
	req := function.RunRequest{Arguments: function.NewArgumentsData([]attr.Value{
		types.ListValueMust(types.StringType, list), types.DynamicValue(flow), types.TupleValueMust(variadicTypes, variadic),
	})}
	resp := function.RunResponse{Result: function.NewResultData(types.ObjectUnknown(verdictReturn))}
	NewVerdictFunction().Run(ctx, req, &resp)
	result, ok := resp.Result.Value().(types.Object)
	if !ok {
		t.Fatalf("the result is a %T", resp.Result.Value())
	}
	return result.Attributes(), resp.Error
}

// flowOf makes the argument that HCL makes: an object with the attributes given.
func flowOf(attributes map[string]attr.Value) attr.Value {
	attributeTypes := map[string]attr.Type{}
	for name, v := range attributes {
		attributeTypes[name] = v.Type(context.Background())
	}
	return types.ObjectValueMust(attributeTypes, attributes)
}

// hcl is short for values of a flow.
func hcl(pairs ...any) attr.Value {
	attributes := map[string]attr.Value{}
	for i := 0; i < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		switch v := pairs[i+1].(type) {
		case string:
			attributes[name] = types.StringValue(v)
		case int:
			attributes[name] = types.NumberValue(big.NewFloat(float64(v)))
		case bool:
			attributes[name] = types.BoolValue(v)
		case nil:
			attributes[name] = types.DynamicNull()
		}
	}
	return flowOf(attributes)
}

func TestVerdictFunction(t *testing.T) {
	t.Parallel()
	both := []string{policyObject, endpointObject, "", otherEndpoint}
	for _, c := range []struct {
		what     string
		objects  []string
		flow     attr.Value
		releases []string
		verdict  string
		by       string
	}{
		{"the only endpoint", []string{policyObject, endpointObject}, hcl("port", 80, "cidr", "10.4.0.0/16"), nil, "allow", `rule 1 of ingress of policy "web" in tier "default"`},
		{"by name, and a named port", both, hcl("endpoint", "w1", "port", 8080, "cidr", "10.4.0.7"), nil, "allow", `rule 1 of ingress of policy "web" in tier "default"`},
		{"before tiers", both, hcl("endpoint", "w1", "port", 8080, "cidr", "10.4.0.7"), []string{"3.28"}, "allow", `rule 1 of ingress of policy "web"`},
		{"numbers and texts of HCL", both, hcl("endpoint", "w1", "port", "8081", "cidr", "10.4.0.7", "protocol", 6, "forwarded", "false", "source_port", nil), nil, "deny", `the end of tier "default" (no rule of ingress of "web" decides)`},
		{"a part of it", both, hcl("endpoint", "w1", "port", 80, "cidr", "8.0.0.0/5"), nil, "partial", `the end of tier "default" (no rule of ingress of "web" decides) (for 8.0.0.0/7)`},
		{"what is left empty is left out", []string{policyObject, endpointObject}, hcl("endpoint", "", "protocol", "", "port", 80, "cidr", "10.4.0.7"), nil, "allow", `rule 1 of ingress of policy "web" in tier "default"`},
		{"by node and interface", both, hcl("node", "w2", "interface", "eth7", "port", 80, "cidr", "10.4.0.7"), nil, "deny", "default: no policy and no profile allows it on ingress"},
		{"by node and address", both, hcl("node", "w1", "local_address", "10.3.0.1", "port", 80, "cidr", "10.4.0.7"), nil, "allow", `rule 1 of ingress of policy "web" in tier "default"`},
		{"forwarded", both, hcl("endpoint", "w1", "port", 81, "cidr", "10.4.0.7", "forwarded", true), nil, "allow", "default: no policy with applyOnForward decides"},
		{"a failsafe port", both, hcl("endpoint", "w1", "port", 22, "cidr", "0.0.0.0/0"), nil, "allow", "failsafe port TCP 22"},
		{"the other way", both, hcl("endpoint", "w1", "direction", "egress", "protocol", "ICMP", "icmp_type", 8, "cidr", "10.4.0.7"), nil, "deny", "default: no policy and no profile allows it on egress"},
		{"a map", both, types.MapValueMust(types.StringType, map[string]attr.Value{"endpoint": types.StringValue("w1"), "port": types.StringValue("80"), "cidr": types.StringValue("10.4.0.7")}), nil, "allow", `rule 1 of ingress of policy "web" in tier "default"`},
		{
			"a service", []string{strings.Replace(policyObject, `"nets":["10.0.0.0/8"]`, `"services":{"name":"a","namespace":"b"}`, 1), endpointObject}, hcl("port", 80, "cidr", "10.4.0.7"), nil,
			"undecided", `rule 1 of ingress of policy "web" in tier "default"`,
		},
	} {
		got, err := ask(t, c.objects, c.flow, c.releases...)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if codec.Text(got["verdict"]) != c.verdict || !strings.HasPrefix(codec.Text(got["decided_by"]), c.by) || c.verdict != "undecided" && codec.Text(got["decided_by"]) != c.by {
			t.Errorf("%s: %s by %s, want %s by %s", c.what, codec.Text(got["verdict"]), codec.Text(got["decided_by"]), c.verdict, c.by)
		}
	}
	got, err := ask(t, both, hcl("endpoint", "w1", "port", 81, "cidr", "10.4.0.7"))
	want := []attr.Value{types.StringValue(`policy "web" in tier "default": no match`), types.StringValue(`the end of tier "default" (no rule of ingress of "web" decides): deny`)}
	if trace := codec.Elements(got["trace"]); err != nil || !slices.EqualFunc(trace, want, func(a, b attr.Value) bool { return a.Equal(b) }) {
		t.Errorf("the trace is %v, %v", trace, err)
	}
}

func TestVerdictFunctionRefuses(t *testing.T) {
	t.Parallel()
	flow := hcl("endpoint", "w1", "port", 80, "cidr", "10.4.0.7")
	both := []string{policyObject, endpointObject, otherEndpoint}
	tiered := strings.Replace(policyObject, `"web"},"spec":{`, `"web"},"spec":{"tier":"security",`, 1)
	for _, c := range []struct {
		what     string
		objects  []string
		flow     attr.Value
		releases []string
		argument int64
		says     string
	}{
		{"no JSON", []string{"web"}, flow, nil, 0, "objects[0]: it is not JSON"},
		{"a field misspelled", []string{endpointObject, strings.Replace(policyObject, "ingress", "ingres", 1)}, flow, nil, 0, "objects[1]: it is not a valid GlobalNetworkPolicy"},
		{"what Calico would refuse", []string{strings.Replace(policyObject, "10.0.0.0/8", "10.0.0/8", 1)}, flow, nil, 0, `objects[0]: spec.ingress[0].source.nets[0] of GlobalNetworkPolicy "web" would be refused by Calico v3.32`},
		{"what a release does not know", []string{tiered}, flow, []string{"3.28"}, 0, `objects[0]: spec.tier of GlobalNetworkPolicy "web" would be refused by Calico v3.28`},
		{"a tier that is not there", []string{tiered, endpointObject}, flow, nil, 0, `GlobalNetworkPolicy "web" is in the tier "security", which is not there`},
		{"an object twice", []string{policyObject, endpointObject, policyObject}, flow, nil, 0, `objects[0] and objects[2] are both GlobalNetworkPolicy "web"`},
		{"no endpoint", []string{policyObject}, flow, nil, 1, "objects holds no host endpoint"},
		{"another endpoint", both, hcl("endpoint", "w3", "cidr", "10.4.0.7"), nil, 1, `there is no host endpoint "w3" in objects; there are "w1", "w2"`},
		{"any of the endpoints", both, hcl("cidr", "10.4.0.7"), nil, 1, "several host endpoints"},
		{"an endpoint twice", both, hcl("endpoint", "w1", "node", "w1", "cidr", "10.4.0.7"), nil, 1, "both endpoint and node"},
		{"an endpoint that is ignored", []string{endpointObject, strings.Replace(endpointObject, `"w1"`, `"w0"`, 1)}, flow, nil, 1, `Calico ignores the host endpoint "w1"`},
		{"a node alone", both, hcl("node", "w1", "cidr", "10.4.0.7"), nil, 1, "flow.node: give interface or local_address"},
		{"an interface alone", both, hcl("interface", "eth0", "cidr", "10.4.0.7"), nil, 1, "flow.interface"},
		{"an open interface", both, hcl("node", "w1", "interface", "eth1", "cidr", "10.4.0.7"), nil, 1, "lets everything pass"},
		{"no flow", both, types.StringValue("ssh"), nil, 1, "the flow is an object"},
		{"no network", both, hcl("endpoint", "w1", "port", 80), nil, 1, "flow.cidr is missing"},
		{"a network that is none", both, hcl("endpoint", "w1", "cidr", "10.4"), nil, 1, "flow.cidr: The far side is a network"},
		{"an attribute that is none", both, hcl("endpoint", "w1", "cidr", "10.4.0.7", "ports", 80), nil, 1, "flow has no attribute ports; it has cidr, direction, endpoint,"},
		{"a port that is none", both, hcl("endpoint", "w1", "cidr", "10.4.0.7", "port", "ssh"), nil, 1, "flow.port: it is a whole number"},
		{"a port that is no port", both, hcl("endpoint", "w1", "cidr", "10.4.0.7", "port", 0), nil, 1, "flow.port: It is a whole number from 1 to 65535"},
		{"a network left empty", both, hcl("endpoint", "w1", "cidr", ""), nil, 1, "flow.cidr: The far side is a network or an address, such as \"10.1.0.0/24\" or \"2001:db8:1::7\""},
		{"a protocol that is a list", both, flowOf(map[string]attr.Value{"cidr": types.StringValue("10.4.0.7"), "protocol": types.TupleValueMust([]attr.Type{types.StringType}, []attr.Value{types.StringValue("TCP")})}), nil, 1, "flow.protocol: it is a text"},
		{"ICMP of the other family", both, hcl("endpoint", "w1", "cidr", "2001:db8::/32", "protocol", "icmp"), nil, 1, `flow.protocol: ICMP is of IPv4, and cidr is of IPv6: its protocol is "ICMPv6"`},
		{"ICMPv6 of the other family, by number", both, hcl("endpoint", "w1", "cidr", "::ffff:10.4.0.0/112", "protocol", 58), nil, 1, `flow.protocol: ICMPv6 is of IPv6`},
		{"a truth that is none", both, hcl("endpoint", "w1", "cidr", "10.4.0.7", "forwarded", 1), nil, 1, "flow.forwarded: it is true or false"},
		{"a direction that is none", both, hcl("endpoint", "w1", "cidr", "10.4.0.7", "direction", "in"), nil, 1, `flow.direction: "in" is neither`},
		{"a release that is none", both, flow, []string{"latest"}, 2, `"latest" is not a Calico release`},
		{"two releases", both, flow, []string{"3.31", "3.32"}, 2, "one calico_version at most"},
	} {
		_, err := ask(t, c.objects, c.flow, c.releases...)
		switch {
		case err == nil:
			t.Errorf("%s: there is no error", c.what)
		case !strings.Contains(err.Text, c.says) || strings.HasSuffix(err.Text, ".") || err.FunctionArgument == nil || *err.FunctionArgument != c.argument:
			t.Errorf("%s: %v", c.what, err)
		}
	}
}
