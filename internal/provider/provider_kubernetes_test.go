package provider

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/kubernetes"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/settings"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
)

// kubernetesObject is a block kubernetes with these attributes; null ones for the rest.
func kubernetesObject(t *testing.T, typ attr.Type, given map[string]attr.Value) types.Object {
	t.Helper()
	object, ok := typ.(types.ObjectType)
	if !ok {
		t.Fatalf("%s is no object", typ)
	}
	all := map[string]attr.Value{}
	for name, typ := range object.AttrTypes {
		all[name] = codec.Null(typ)
		if v, ok := given[name]; ok {
			all[name] = v
			delete(given, name)
		}
	}
	if len(given) > 0 {
		t.Fatalf("%s has no %v", typ, given)
	}
	return types.ObjectValueMust(object.AttrTypes, all)
}

// textValue is a text that is known.
func textValue(s string) types.String { return types.StringValue(s) }

func TestReadKubernetes(t *testing.T) {
	t.Parallel()
	typ := kubernetesBlock().Type()
	object, ok := typ.(types.ObjectType)
	if !ok {
		t.Fatalf("%s is no object", typ)
	}
	program := kubernetesObject(t, object.AttrTypes["exec"], map[string]attr.Value{
		"api_version": textValue("client.authentication.k8s.io/v1"), "command": textValue("aws"),
		"args": types.ListValueMust(types.StringType, []attr.Value{textValue("eks"), textValue("get-token")}),
		"env":  types.MapValueMust(types.StringType, map[string]attr.Value{"AWS_PROFILE": textValue("prod"), "UNSET": types.StringNull()}),
	})
	no := false
	for name, test := range map[string]struct {
		given   types.Object
		there   bool
		want    settings.KubernetesSettings
		timeout time.Duration
	}{
		"no block":       {given: types.ObjectNull(object.AttrTypes), timeout: kubernetes.DefaultRequestTimeout},
		"unknown":        {given: types.ObjectUnknown(object.AttrTypes), timeout: kubernetes.DefaultRequestTimeout},
		"an empty block": {given: kubernetesObject(t, typ, nil), there: true, timeout: kubernetes.DefaultRequestTimeout},
		"everything": {
			given: kubernetesObject(t, typ, map[string]attr.Value{
				"config_path": textValue("a"), "config_context": textValue("b"), "host": textValue("c"), "cluster_ca_certificate": textValue("d"), "cluster_ca_certificate_file": textValue("e"),
				"token": textValue("f"), "client_certificate": textValue("g"), "client_certificate_file": textValue("h"), "client_key": textValue("i"), "client_key_file": textValue("j"),
				"insecure": types.BoolValue(false), "tls_server_name": textValue("k"), "proxy_url": textValue("l"), "api_group": textValue("m"), "request_timeout": textValue("1m"), "exec": program,
			}),
			there: true,
			want: settings.KubernetesSettings{
				ConfigPath: "a", ConfigContext: "b", Host: "c", CACert: "d", CACertFile: "e", Token: "f", ClientCert: "g", ClientCertFile: "h", ClientKey: "i", ClientKeyFile: "j",
				Insecure: &no, TLSServerName: "k", ProxyURL: "l", APIGroup: "m",
				Exec: &settings.Exec{APIVersion: "client.authentication.k8s.io/v1", Command: "aws", Args: []string{"eks", "get-token"}, Env: map[string]string{"AWS_PROFILE": "prod"}},
			},
			timeout: time.Minute,
		},
		"what is not known": {
			given: kubernetesObject(t, typ, map[string]attr.Value{
				"host": types.StringUnknown(), "insecure": types.BoolUnknown(), "exec": codec.Unknown(object.AttrTypes["exec"]), "request_timeout": types.StringUnknown(), "token": textValue("t"),
			}),
			there: true, want: settings.KubernetesSettings{Token: "t"}, timeout: kubernetes.DefaultRequestTimeout,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var diags diag.Diagnostics
			b := readBlock(&providerModel{Kubernetes: test.given}, &diags)
			if diags.HasError() {
				t.Errorf("it is refused: %v", diags)
			}
			if timeout := b.timeouts[kubernetesRequestTimeout]; b.settings.KubernetesBlock != test.there || timeout != test.timeout {
				t.Errorf("the block is there: %t; its time limit is %s", b.settings.KubernetesBlock, timeout)
			}
			if diff := cmp.Diff(test.want, b.settings.Kubernetes); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKubernetesConfig(t *testing.T) {
	t.Parallel()
	resolved := settings.ResolvedKubernetes{
		ConfigPaths: []string{"a"}, ConfigInline: "b", ConfigContext: "c", Host: "d", ClusterCACert: []byte("e"), Token: "f", ClientCert: []byte("g"), ClientKey: []byte("h"),
		Exec: &settings.Exec{APIVersion: "v", Command: "i", Args: []string{"j"}, Env: map[string]string{"k": "l"}}, Insecure: true, Verify: true, TLSServerName: "m", ProxyURL: "n", InCluster: true, APIGroup: "o",
	}
	want := kubernetes.Config{
		ConfigPaths: []string{"a"}, ConfigInline: "b", Context: "c", Host: "d", CACert: []byte("e"), Token: "f", ClientCert: []byte("g"), ClientKey: []byte("h"),
		Exec: &kubernetes.Exec{APIVersion: "v", Command: "i", Args: []string{"j"}, Env: map[string]string{"k": "l"}}, Insecure: true, Verify: true, TLSServerName: "m", ProxyURL: "n", InCluster: true, APIGroup: "o",
		RequestTimeout: time.Minute, UserAgent: "terraform-provider-calico/1.2.3",
	}
	if diff := cmp.Diff(want, kubernetesConfig(resolved, block{timeouts: map[settings.Name]time.Duration{kubernetesRequestTimeout: time.Minute}}, "1.2.3"), cmpopts.IgnoreUnexported(want)); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	if got := kubernetesConfig(settings.ResolvedKubernetes{}, block{}, "dev"); got.Exec != nil {
		t.Errorf("there is the program %v", got.Exec)
	}
}
