package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	fwprovider "github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/calico-terraform/terraform-provider-calico/internal/provider"
)

// TestProviderDiagnosticsHaveAPath looks at what the CLI gets to know: it shows
// no more of it than the block, but an editor's language server may.
func TestProviderDiagnosticsHaveAPath(t *testing.T) {
	t.Parallel()
	certs := newCertificates(t)
	etcd, kubernetes := path.Root("etcd"), path.Root("kubernetes")
	inKubernetes := func(arguments map[string]any) map[string]any { return map[string]any{"kubernetes": arguments} }
	https := []string{"https://10.0.0.1:2379"}
	for name, test := range map[string]struct {
		top, etcd map[string]any
		// configure is true for what is only told when the provider is configured.
		configure bool
		want      path.Path
	}{
		"an endpoint without a scheme": {
			etcd: map[string]any{"endpoints": []string{"https://10.0.0.1:2379", "10.0.0.2:2379"}},
			want: etcd.AtName("endpoints").AtListIndex(1),
		},
		"endpoints and a domain": {
			etcd: map[string]any{"endpoints": https, "discovery_srv": "example.com"},
			want: etcd.AtName("discovery_srv"),
		},
		"a CA in two ways": {
			etcd: map[string]any{"endpoints": https, "ca_cert": certs.CA, "ca_cert_file": certs.CAFile},
			want: etcd.AtName("ca_cert_file"),
		},
		"a certificate in two ways": {
			etcd: map[string]any{"endpoints": https, "cert": certs.Cert, "cert_file": certs.CertFile, "key": certs.Key},
			want: etcd.AtName("cert_file"),
		},
		"a key in two ways": {
			etcd: map[string]any{"endpoints": https, "cert": certs.Cert, "key": certs.Key, "key_file": certs.KeyFile},
			want: etcd.AtName("key_file"),
		},
		"a request timeout": {
			etcd: map[string]any{"endpoints": https, "request_timeout": "soon"},
			want: etcd.AtName("request_timeout"),
		},
		"a dial timeout": {
			etcd: map[string]any{"endpoints": https, "dial_timeout": "-5s"},
			want: etcd.AtName("dial_timeout"),
		},
		"a release": {
			top: map[string]any{"calico_version": "three"}, etcd: map[string]any{"endpoints": https},
			want: path.Root("calico_version"),
		},
		"a user without a password": {
			etcd: map[string]any{"endpoints": https, "username": "terraform"}, configure: true,
			want: etcd.AtName("username"),
		},
		"a file that is not there": {
			etcd: map[string]any{"endpoints": https, "ca_cert_file": "/no/such/ca.pem"}, configure: true,
			want: etcd.AtName("ca_cert_file"),
		},
		"no endpoints": {configure: true, want: etcd.AtName("endpoints")},
		"a kubeconfig that is none": {
			top: inKubernetes(map[string]any{"config_path": certs.CAFile}), configure: true,
			want: kubernetes,
		},
		"Kubernetes, and no server": {
			top: map[string]any{"datastore_type": "kubernetes"}, configure: true,
			want: kubernetes.AtName("config_path"),
		},
		"a kubeconfig that is not there": {
			top: inKubernetes(map[string]any{"config_path": "/no/such/config"}), configure: true,
			want: kubernetes.AtName("config_path"),
		},
		"a host without a scheme": {
			top:  inKubernetes(map[string]any{"host": "10.0.0.1:6443"}),
			want: kubernetes.AtName("host"),
		},
		"insecure with a CA": {
			top:  inKubernetes(map[string]any{"host": "https://10.0.0.1:6443", "insecure": true, "cluster_ca_certificate": certs.CA}),
			want: kubernetes.AtName("insecure"),
		},
		"a version of exec": {
			top:  inKubernetes(map[string]any{"host": "https://10.0.0.1:6443", "exec": map[string]any{"command": "aws", "api_version": "v1"}}),
			want: kubernetes.AtName("exec").AtName("api_version"),
		},
		"exec and a token": {
			top:  inKubernetes(map[string]any{"host": "https://10.0.0.1:6443", "token": "t", "exec": map[string]any{"command": "aws", "api_version": "client.authentication.k8s.io/v1"}}),
			want: kubernetes.AtName("token"),
		},
		"a request timeout of Kubernetes": {
			top:  inKubernetes(map[string]any{"host": "https://10.0.0.1:6443", "request_timeout": "100ms"}),
			want: kubernetes.AtName("request_timeout"),
		},
		"two blocks": {
			top: inKubernetes(map[string]any{"host": "https://10.0.0.1:6443"}), etcd: map[string]any{"endpoints": https},
			want: kubernetes,
		},
		"the block of another datastore": {
			top: map[string]any{"datastore_type": "kubernetes"}, etcd: map[string]any{"endpoints": https},
			want: path.Root("datastore_type"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			validated, configured := judge(t, test.top, test.etcd)
			diags := validated
			if test.configure {
				if validated.HasError() {
					t.Errorf("it is told too soon: %v", validated)
				}
				diags = configured
			}
			errs := diags.Errors()
			if len(errs) != 1 {
				t.Fatalf("there are %d errors: %v", len(errs), diags)
			}
			with, ok := errs[0].(diag.DiagnosticWithPath)
			if !ok || !with.Path().Equal(test.want) {
				t.Errorf("it is told on %v, want %s: %v", errs[0], test.want, diags)
			}
		})
	}
}

// judge validates a provider block, and configures a provider with it.
func judge(t *testing.T, top, etcd map[string]any) (validated, configured diag.Diagnostics) {
	t.Helper()
	p, ok := provider.New("test")().(fwprovider.ProviderWithValidateConfig)
	if !ok {
		t.Fatal("the provider does not validate its block")
	}
	var schema fwprovider.SchemaResponse
	p.Schema(t.Context(), fwprovider.SchemaRequest{}, &schema)
	all := map[string]any{}
	for name, value := range top {
		all[name] = value
	}
	if etcd != nil {
		all["etcd"] = etcd
	}
	config := tfsdk.Config{Schema: schema.Schema, Raw: raw(t, schema.Schema.Type(), all)}

	var v fwprovider.ValidateConfigResponse
	p.ValidateConfig(t.Context(), fwprovider.ValidateConfigRequest{Config: config}, &v)
	var c fwprovider.ConfigureResponse
	p.Configure(t.Context(), fwprovider.ConfigureRequest{Config: config}, &c)
	return v.Diagnostics, c.Diagnostics
}

// raw makes a value of a type; what is not given is null.
func raw(t *testing.T, typ attr.Type, value any) tftypes.Value {
	t.Helper()
	wire := typ.TerraformType(t.Context())
	switch value := value.(type) {
	case nil:
		return tftypes.NewValue(wire, nil)
	case []string:
		var elements []tftypes.Value
		for _, e := range value {
			elements = append(elements, tftypes.NewValue(tftypes.String, e))
		}
		return tftypes.NewValue(wire, elements)
	case map[string]any:
		object, ok := typ.(types.ObjectType)
		if !ok {
			t.Fatalf("%s is no object", typ)
		}
		attributes := map[string]tftypes.Value{}
		for name, attributeType := range object.AttrTypes {
			attributes[name] = raw(t, attributeType, value[name])
		}
		return tftypes.NewValue(wire, attributes)
	default:
		return tftypes.NewValue(wire, value)
	}
}
