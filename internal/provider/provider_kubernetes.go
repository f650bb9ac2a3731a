package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/kubernetes"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/settings"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

// The time limit of Kubernetes.
const kubernetesRequestTimeout settings.Name = "kubernetes.request_timeout"

// kubernetesBlock is the block "kubernetes" of the provider. What HashiCorp's provider for
// Kubernetes has, too, has its name there.
func kubernetesBlock() schema.Block {
	return schema.SingleNestedBlock{
		MarkdownDescription: "Connection to the API server of Kubernetes, such as `kubernetes { config_path = \"/home/ann/.kube/config\" }`. The block asks for the Kubernetes datastore by itself. Default: if `datastore_type` is `\"kubernetes\"`, all of it from the environment or `config_file`; in a pod, if nothing is found there, the pod's service account. Conflicts with `etcd`.",
		Attributes: map[string]schema.Attribute{
			"config_path":                 optionalText("Path of a kubeconfig file, such as `\"/home/ann/.kube/config\"` or `pathexpand(\"~/.kube/config\")`. Default: none; kubectl's default path is not read unless it is given. This or `host` is required. Environment: `KUBECONFIG`, which may be a list of files as for kubectl, or `KUBE_CONFIG_PATH`; they are read only if this block is there or `datastore_type` is `\"kubernetes\"`, and neither this nor `host` is set here."),
			"config_context":              optionalText("Context of the kubeconfig, such as `\"prod\"`. Default: its current context. Environment: `K8S_CURRENT_CONTEXT` or `KUBE_CTX`."),
			"host":                        optionalText("URL of the API server, such as `\"https://10.0.0.1:6443\"`. With `config_path` in the same place, it takes the place of the kubeconfig's server. Default: what the kubeconfig says. Environment: `K8S_API_ENDPOINT` or `KUBE_HOST`."),
			"cluster_ca_certificate":      optionalText("PEM certificates of the authorities that may have signed the API server's certificate, such as `file(\"ca.crt\")`. Default: what the kubeconfig says, or those that the system trusts. Conflicts with `cluster_ca_certificate_file` and `insecure`. Environment: `KUBE_CLUSTER_CA_CERT_DATA`."),
			"cluster_ca_certificate_file": optionalText("Path of a file with what `cluster_ca_certificate` would hold, such as `\"/etc/kubernetes/pki/ca.crt\"`. Default: none. Environment: `K8S_CA_FILE`."),
			"token":                       optionalSecret("Bearer token, such as `var.kubernetes_token`. If it, a client certificate or `exec` is set, nothing of the kubeconfig's user is used. Default: what the kubeconfig says. Environment: `KUBE_TOKEN`."),
			"client_certificate":          optionalText("Client certificate in PEM, such as `file(\"client.crt\")`. Default: what the kubeconfig says. Conflicts with `client_certificate_file`. Environment: `KUBE_CLIENT_CERT_DATA`."),
			"client_certificate_file":     optionalText("Path of a file with what `client_certificate` would hold, such as `\"/etc/calico/terraform.crt\"`. Default: none. Environment: `K8S_CERT_FILE`."),
			"client_key":                  optionalSecret("Private key of the client certificate in PEM, such as `var.kubernetes_key`. Default: none. Required with `client_certificate`. Conflicts with `client_key_file`. Environment: `KUBE_CLIENT_KEY_DATA`."),
			"client_key_file":             optionalText("Path of a file with what `client_key` would hold, such as `\"/etc/calico/terraform.key\"`. Default: none. Environment: `K8S_KEY_FILE`."),
			"insecure": schema.BoolAttribute{
				MarkdownDescription: "Whether the API server's certificate is left unchecked: anybody on the way can then read and change everything, the credential included. `true` or `false`. What is given here counts, and not `insecure-skip-tls-verify` of the kubeconfig. Default: what that says, or `false`. Environment: `K8S_INSECURE_SKIP_TLS_VERIFY` or `KUBE_INSECURE`.",
				Optional:            true,
			},
			"tls_server_name": optionalText("Name that the API server's certificate is checked for, such as `\"kubernetes.default.svc\"`. Default: what the kubeconfig says, or the name or address in `host`. Environment: `KUBE_TLS_SERVER_NAME`."),
			"proxy_url":       optionalText("URL of the proxy on the way to the API server, such as `\"http://proxy.example.net:3128\"`; `https://` and `socks5://` are possible, too. Default: what the kubeconfig says, or `HTTPS_PROXY` in the environment. Environment: `KUBE_PROXY_URL`."),
			"api_group":       optionalText(fmt.Sprintf("API group of the custom resources in which the cluster keeps Calico's objects: `%q` or `%q`. Default: found out from the cluster. Environment: `CALICO_API_GROUP`.", kubernetes.GroupNative, kubernetes.GroupV1)),
			"request_timeout": optionalText(fmt.Sprintf("Time limit for one read or write with all its retries, at least one second, such as `\"1m30s\"`. Default: `%q`.", kubernetes.DefaultRequestTimeout)),
		},
		Blocks: map[string]schema.Block{
			"exec": schema.SingleNestedBlock{
				MarkdownDescription: "Program that prints a credential in the form that kubectl takes, such as `exec { command = \"aws\" }` with `api_version` and `args` in it. It is run again when the credential has expired, so it serves long applies, too. Default: what the kubeconfig says. Conflicts with `token` and `client_certificate`.",
				Attributes: map[string]schema.Attribute{
					"api_version": optionalText("Version of the form that the program prints: `\"client.authentication.k8s.io/v1\"` or `\"client.authentication.k8s.io/v1beta1\"`. Required in the block."),
					"command":     optionalText("Program, such as `\"aws\"`: its path, or its name if it is in `PATH`. It gets no standard input, so it cannot ask. Required in the block."),
					"args": schema.ListAttribute{
						MarkdownDescription: "Arguments of the program, such as `[\"eks\", \"get-token\", \"--cluster-name\", \"prod\"]`. Default: none.",
						ElementType:         types.StringType,
						Optional:            true,
					},
					"env": schema.MapAttribute{
						MarkdownDescription: "Environment variables of the program beside those of Terraform, such as `{ AWS_PROFILE = \"prod\" }`. Default: none.",
						ElementType:         types.StringType,
						Optional:            true,
					},
				},
				Validators: []validator.Object{schemas.RequiresInside{"api_version", "command"}},
			},
		},
	}
}

// readKubernetes takes in what the block "kubernetes" gives, as far as it is known.
func (b *block) readKubernetes(in values, diags *diag.Diagnostics) {
	b.settings.Kubernetes = settings.KubernetesSettings{
		ConfigPath:     in.str("config_path"),
		ConfigContext:  in.str("config_context"),
		Host:           in.str("host"),
		CACert:         in.str("cluster_ca_certificate"),
		CACertFile:     in.str("cluster_ca_certificate_file"),
		Token:          in.str("token"),
		ClientCert:     in.str("client_certificate"),
		ClientCertFile: in.str("client_certificate_file"),
		ClientKey:      in.str("client_key"),
		ClientKeyFile:  in.str("client_key_file"),
		TLSServerName:  in.str("tls_server_name"),
		ProxyURL:       in.str("proxy_url"),
		APIGroup:       in.str("api_group"),
	}
	if insecure, ok := in["insecure"].(types.Bool); ok && !insecure.IsNull() && !insecure.IsUnknown() {
		b.settings.Kubernetes.Insecure = insecure.ValueBoolPointer()
	}
	if program, ok := in["exec"].(types.Object); ok && isThere(program) {
		exec := values(program.Attributes())
		b.settings.Kubernetes.Exec = &settings.Exec{APIVersion: exec.str("api_version"), Command: exec.str("command"), Env: exec.stringMap("env")}
		for _, e := range elements(exec["args"]) {
			b.settings.Kubernetes.Exec.Args = append(b.settings.Kubernetes.Exec.Args, values{"argument": e}.str("argument"))
		}
	}
	b.readTimeout(kubernetesRequestTimeout, in, kubernetes.DefaultRequestTimeout, diags)
}

// connectKubernetes is the way to the API server. version is the provider's, and warn takes
// what the server warns of.
func connectKubernetes(resolved settings.ResolvedKubernetes, given block, version string, warn func(ctx context.Context, summary, detail string)) (connection, error) {
	cfg := kubernetesConfig(resolved, given, version)
	server, err := cfg.Server()
	if err != nil {
		return connection{}, err
	}
	// A pod is told the address of a service. What policies of hosts see is the address of
	// an API server, which kube-proxy puts in its place before.
	endpoints := []string{server}
	if cfg.InCluster {
		endpoints = nil
	}
	return connection{
		datastoreType:  kubernetes.Type,
		endpoints:      endpoints,
		inPod:          cfg.InCluster,
		requestTimeout: cfg.RequestTimeout,
		open: func(ctx context.Context) (datastore.Store, error) {
			return kubernetes.New(ctx, cfg, kubernetes.Options{Release: given.release, Observe: observe, Warn: warn})
		},
	}, nil
}

// kubernetesConfig is how the API server is reached. version is the provider's.
func kubernetesConfig(resolved settings.ResolvedKubernetes, given block, version string) kubernetes.Config {
	return kubernetes.Config{
		ConfigPaths:    resolved.ConfigPaths,
		ConfigInline:   resolved.ConfigInline,
		Context:        resolved.ConfigContext,
		Host:           resolved.Host,
		CACert:         resolved.ClusterCACert,
		Token:          resolved.Token,
		ClientCert:     resolved.ClientCert,
		ClientKey:      resolved.ClientKey,
		Exec:           (*kubernetes.Exec)(resolved.Exec),
		Insecure:       resolved.Insecure,
		Verify:         resolved.Verify,
		TLSServerName:  resolved.TLSServerName,
		ProxyURL:       resolved.ProxyURL,
		InCluster:      resolved.InCluster,
		APIGroup:       resolved.APIGroup,
		RequestTimeout: given.timeouts[kubernetesRequestTimeout],
		UserAgent:      "terraform-provider-calico/" + version,
	}
}
