// Package provider is Terraform's side of the Calico provider: schemas, plans
// and diagnostics. What Calico wants of an object is in package calico; where
// objects are kept is in package datastore.
package provider

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/etcdv3"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/settings"
)

// Address is the provider's address in the Terraform registry.
const Address = "registry.terraform.io/calico-terraform/calico"

// The defaults of the timeouts.
const (
	defaultDialTimeout    = 5 * time.Second
	defaultRequestTimeout = 15 * time.Second
)

type calicoProvider struct {
	version string
}

var (
	_ provider.Provider                   = (*calicoProvider)(nil)
	_ provider.ProviderWithValidateConfig = (*calicoProvider)(nil)
)

// New returns the provider's constructor. version is that of the release, or
// "dev".
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &calicoProvider{version: version} }
}

type providerModel struct {
	DatastoreType types.String `tfsdk:"datastore_type"`
	Etcd          types.Object `tfsdk:"etcd"`
	ConfigFile    types.String `tfsdk:"config_file"`
	CalicoVersion types.String `tfsdk:"calico_version"`
}

func (p *calicoProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "calico"
	resp.Version = p.version
}

func (p *calicoProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Optional: true}
	}
	secret := func(description string) schema.StringAttribute {
		a := text(description)
		a.Sensitive = true
		return a
	}
	datastoreType := text("Kind of the datastore: `\"etcdv3\"`, which is the default where etcd's endpoints are given, or `\"kubernetes\"` (not yet supported). Environment: `DATASTORE_TYPE`.")
	datastoreType.Validators = []validator.String{stringvalidator.OneOf(settings.EtcdV3, settings.Kubernetes)}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Protects hosts with [Project Calico](https://docs.tigera.io/calico/latest/about/): host endpoints and network policies, written to Calico's own datastore.\n\n" +
			"Every setting of the datastore that is not in the provider block is taken from the environment variables that calicoctl uses, then from calicoctl's configuration file where `config_file` (or `CALICOCTL_CONFIG`) names one.",
		Attributes: map[string]schema.Attribute{
			"datastore_type": datastoreType,
			"config_file":    text("A configuration file of calicoctl (kind `CalicoAPIConfig`) for settings that are given neither here nor in the environment, such as `\"/etc/calico/calicoctl.cfg\"`. Environment: `CALICOCTL_CONFIG`. No file is read unless it is named."),
			"calico_version": text("Release of Calico in this datacenter, such as `\"3.28\"`, `\"3.31\"` or `\"v3.32.1\"`. Releases store policies under different names. Default: found out from the datastore."),
			"etcd": schema.SingleNestedAttribute{
				MarkdownDescription: "How to reach etcd, where `datastore_type` is `\"etcdv3\"`.",
				Optional:            true,
				Attributes: map[string]schema.Attribute{
					"endpoints": schema.ListAttribute{
						MarkdownDescription: "URLs of the etcd servers, with `http://` or `https://`, such as `[\"https://10.2.0.11:2379\", \"https://10.2.0.12:2379\"]`. Environment: `ETCD_ENDPOINTS`, separated by commas.",
						ElementType:         types.StringType,
						Optional:            true,
					},
					"discovery_srv":   text("Domain whose SRV records name the etcd servers, such as `\"example.com\"`, instead of `endpoints`. Environment: `ETCD_DISCOVERY_SRV`."),
					"username":        text("Name of an etcd user, such as `\"terraform\"`. It must be able to read and write the prefix `/calico/`. Environment: `ETCD_USERNAME`."),
					"password":        secret("Password of `username`. Environment: `ETCD_PASSWORD`."),
					"ca_cert":         text("Certificates of the authorities that sign etcd's certificate, in PEM. Default: those of the system."),
					"cert":            text("Client certificate for etcd, in PEM."),
					"key":             secret("Private key of `cert`, in PEM."),
					"ca_cert_file":    text("File with the same as `ca_cert`, such as `\"/etc/calico/certs/ca.pem\"`. Environment: `ETCD_CA_CERT_FILE`."),
					"cert_file":       text("File with the same as `cert`. Environment: `ETCD_CERT_FILE`."),
					"key_file":        text("File with the same as `key`. Environment: `ETCD_KEY_FILE`."),
					"dial_timeout":    text(fmt.Sprintf("How long to try to connect, such as `\"3s\"`. Default: `\"%s\"`.", defaultDialTimeout)),
					"request_timeout": text(fmt.Sprintf("How long one read or write may take, with all its retries, such as `\"30s\"`. Default: `\"%s\"`.", defaultRequestTimeout)),
				},
			},
		},
	}
}

func (p *calicoProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		newFailsafePolicyResource,
		newHostEndpointResource,
	}
}

func (p *calicoProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }

// ValidateConfig reports what is wrong with the provider block itself.
func (p *calicoProvider) ValidateConfig(ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse) {
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	given := readBlock(&model, &resp.Diagnostics)
	for _, problem := range settings.Check(given.settings) {
		addProblem(&resp.Diagnostics, problem)
	}
}

// Configure finds out how to reach the datastore. It does not connect: that is
// for the first resource that needs it.
func (p *calicoProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	given := readBlock(&model, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	data := &providerData{release: given.release}
	resp.ResourceData, resp.DataSourceData = data, data
	if !req.Config.Raw.IsFullyKnown() {
		return
	}
	resolved, problems := settings.Resolve(given.settings, os.LookupEnv, given.configFile)
	for _, problem := range problems {
		addProblem(&resp.Diagnostics, problem)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if resolved.DatastoreType == settings.Kubernetes {
		resp.Diagnostics.AddAttributeError(path.Root("datastore_type"), "Datastore Not Yet Supported",
			"The Kubernetes datastore is not yet supported by this provider. Use datastore_type = \"etcdv3\".")
		return
	}
	cfg := etcdv3.Config{
		Endpoints:      resolved.Endpoints,
		DiscoverySRV:   resolved.DiscoverySRV,
		Username:       resolved.Username,
		Password:       resolved.Password,
		CACert:         resolved.CACert,
		Cert:           resolved.Cert,
		Key:            resolved.Key,
		DialTimeout:    given.dialTimeout,
		RequestTimeout: given.requestTimeout,
	}
	data.open = func(ctx context.Context) (datastore.Store, error) {
		return etcdv3.New(ctx, cfg, etcdv3.Options{Release: given.release, Observe: observe})
	}
}

// addProblem reports what is wrong with the settings, on the attribute that it
// belongs to.
func addProblem(diags *diag.Diagnostics, problem settings.Problem) {
	at := path.Root(string(problem.Setting))
	if problem.Setting.InEtcd() {
		at = path.Root("etcd").AtName(string(problem.Setting))
	}
	if problem.Index >= 0 {
		at = at.AtListIndex(problem.Index)
	}
	if problem.Warning {
		diags.AddAttributeWarning(at, problem.Summary, problem.Detail)
		return
	}
	diags.AddAttributeError(at, problem.Summary, problem.Detail)
}

// block is what the provider block gives, as far as it is known.
type block struct {
	settings                    settings.Settings
	configFile                  string
	release                     *calico.Release
	dialTimeout, requestTimeout time.Duration
}

func readBlock(model *providerModel, diags *diag.Diagnostics) block {
	etcd := values(model.Etcd.Attributes())
	b := block{
		settings: settings.Settings{
			DatastoreType: model.DatastoreType.ValueString(),
			DiscoverySRV:  etcd.str("discovery_srv"),
			Username:      etcd.str("username"),
			Password:      etcd.str("password"),
			CACert:        etcd.str("ca_cert"),
			Cert:          etcd.str("cert"),
			Key:           etcd.str("key"),
			CACertFile:    etcd.str("ca_cert_file"),
			CertFile:      etcd.str("cert_file"),
			KeyFile:       etcd.str("key_file"),
		},
		configFile:     model.ConfigFile.ValueString(),
		dialTimeout:    readTimeout(etcd, "dial_timeout", defaultDialTimeout, diags),
		requestTimeout: readTimeout(etcd, "request_timeout", defaultRequestTimeout, diags),
	}
	if !etcd.isNull("endpoints") && fullyKnown(etcd["endpoints"]) {
		b.settings.Endpoints = []string{}
		for _, e := range elements(etcd["endpoints"]) {
			b.settings.Endpoints = append(b.settings.Endpoints, values{"endpoint": e}.str("endpoint"))
		}
	}
	if text := model.CalicoVersion.ValueString(); text != "" {
		release, err := calico.ParseRelease(text)
		if err != nil {
			diags.AddAttributeError(path.Root("calico_version"), "Not a Calico Release", err.Error())
		}
		b.release = &release
	}
	return b
}

func readTimeout(etcd values, name string, unset time.Duration, diags *diag.Diagnostics) time.Duration {
	text := etcd.str(name)
	if text == "" {
		return unset
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		diags.AddAttributeError(path.Root("etcd").AtName(name), "Not a Timeout",
			fmt.Sprintf("%q is not a duration of at least one second. Write it as \"5s\" or \"1m30s\".", text))
	}
	return d
}
