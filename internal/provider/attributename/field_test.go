package attributename

import (
	"reflect"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

func TestOfField(t *testing.T) {
	for _, c := range []struct {
		in    reflect.Type
		field string
		name  string
		form  Form
	}{
		{reflect.TypeFor[v3.HostEndpointSpec](), "ports", "port", Blocks},
		{reflect.TypeFor[v3.HostEndpointSpec](), "expectedIPs", "expected_ips", Argument},
		{reflect.TypeFor[v3.EntityRule](), "ports", "ports", Argument}, // of numbers
		{reflect.TypeFor[v3.EntityRule](), "services", "services", Block},
		{reflect.TypeFor[v3.Rule](), "source", "source", Block},
		{reflect.TypeFor[v3.Rule](), "protocol", "protocol", Argument},
		{reflect.TypeFor[v3.HTTPMatch](), "paths", "path", Blocks},
		{reflect.TypeFor[v3.GlobalNetworkPolicySpec](), "ingress", "ingress", Blocks},
		{reflect.TypeFor[v3.BGPConfigurationSpec](), "communities", "community", Blocks},
		{reflect.TypeFor[v3.BGPConfigurationSpec](), "serviceClusterIPs", "service_cluster_ip", Blocks},
		{reflect.TypeFor[calico.BGPFilterSpec](), "exportV4", "export_v4", Blocks},
		{reflect.TypeFor[calico.BGPFilterRule](), "communities", "communities", Block}, // one object
		{reflect.TypeFor[calico.BGPFilterRule](), "asPathPrefix", "as_path_prefix", Argument},
		{reflect.TypeFor[calico.BGPFilterRule](), "operations", "operation", Blocks},
		{reflect.TypeFor[calico.BGPFilterOperation](), "prependASPath", "prepend_as_path", Block},
		{reflect.TypeFor[calico.FelixConfigurationSpec](), "istioDSCPMark", "istio_dscp_mark", Argument},
		{reflect.TypeFor[calico.FelixConfigurationSpec](), "ipv4NormalRoutePriority", "ipv4_normal_route_priority", Argument},
		{reflect.TypeFor[v3.FelixConfigurationSpec](), "routeTableRange", "route_table_range", Block},
		{reflect.TypeFor[v3.FelixConfigurationSpec](), "routeTableRanges", "route_table_ranges", Blocks},
		{reflect.TypeFor[v3.FelixConfigurationSpec](), "failsafeInboundHostPorts", "failsafe_inbound_host_ports", Argument},
		{reflect.TypeFor[v3.FelixConfigurationSpec](), "reportingInterval", "reporting_interval", Argument},
	} {
		found := false
		for i := range c.in.NumField() {
			f := c.in.Field(i)
			if json := f.Tag.Get("json"); len(json) >= len(c.field) && json[:len(c.field)] == c.field && (len(json) == len(c.field) || json[len(c.field)] == ',') {
				found = true
				if name, form := OfField(c.field, f.Type); name != c.name || form != c.form {
					t.Errorf("%s of %s: %s, form %d, want %s, form %d", c.field, c.in, name, form, c.name, c.form)
				}
			}
		}
		if !found {
			t.Errorf("%s has no field %s", c.in, c.field)
		}
	}
}

func TestSingular(t *testing.T) {
	for name, want := range map[string]string{"addresses": "address", "interfaces": "interface", "egress": "egress", "communities": "community", "importV6": "import_v6"} {
		if got := singular(name); got != want {
			t.Errorf("singular(%q) = %q, want %q", name, got, want)
		}
	}
}
