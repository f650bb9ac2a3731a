// Package provider is Terraform's side of the Calico provider: schemas, plans
// and diagnostics. What Calico wants of an object is in package calico; where
// objects are kept is in package datastore.
package provider

import (
	"context"
	"fmt"
	"maps"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/etcdv3"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/kubernetes"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/settings"
)

// Address is the provider's address in the Terraform registry.
const Address = "registry.terraform.io/calico-terraform/calico"

// datastoreTypes are the types of datastore that there are. Version 0 of private state
// did not name its own: there was but the first.
var datastoreTypes = []*datastore.Type{etcdv3.Type, kubernetes.Type}

type calicoProvider struct {
	version string
	// store is that of WithStore; nil without.
	store *injectedStore
	// data is what Configure has made.
	data atomic.Pointer[providerData]
}

var (
	_ provider.Provider                   = (*calicoProvider)(nil)
	_ provider.ProviderWithFunctions      = (*calicoProvider)(nil)
	_ provider.ProviderWithValidateConfig = (*calicoProvider)(nil)
)

// New returns the provider's constructor. version is that of the release, or
// "dev".
func New(version string, options ...Option) func() provider.Provider {
	return func() provider.Provider { return newProvider(version, options...) }
}

func newProvider(version string, options ...Option) *calicoProvider {
	p := &calicoProvider{version: version}
	for _, option := range options {
		option(p)
	}
	return p
}

// Option changes what New makes.
type Option func(*calicoProvider)

type providerModel struct {
	DatastoreType  types.String `tfsdk:"datastore_type"`
	Etcd           types.Object `tfsdk:"etcd"`
	Kubernetes     types.Object `tfsdk:"kubernetes"`
	ConfigFile     types.String `tfsdk:"config_file"`
	CalicoVersion  types.String `tfsdk:"calico_version"`
	AdoptIdentical types.Bool   `tfsdk:"adopt_identical"`
	LockoutGuard   types.Object `tfsdk:"lockout_guard"`
	ExposureGuard  types.Object `tfsdk:"exposure_guard"`
}

func (p *calicoProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "calico"
	resp.Version = p.version
}

func (p *calicoProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	datastoreType := optionalText("Kind of Calico's datastore: `\"etcdv3\"`; `\"kubernetes\"`; or `\"none\"`, where nothing is read or written, so that configurations can be planned without a datastore in `terraform test`. Default: what the block `etcd` or `kubernetes` says by being there; without one, `\"etcdv3\"`, or what `config_file` says. Environment: `DATASTORE_TYPE`.")
	datastoreType.Validators = []validator.String{stringvalidator.OneOf(settings.EtcdV3, settings.Kubernetes, settings.None)}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Manages the host endpoints and network policies of [Project Calico](https://docs.tigera.io/calico/latest/about/) in Calico's own datastore, etcd or Kubernetes. One provider block stands for one datastore; use an `alias` for each further datacenter.\n\n" +
			"Each setting of the connection is looked up by itself, and the first place that has it counts: the provider block, the environment variable that calicoctl uses (with the prefix `CALICO_` or without) or, for Kubernetes, HashiCorp's provider, the calicoctl configuration file that `config_file` names. Connections to `https://` endpoints use TLS 1.2 or later, and the server's certificate is always verified, unless `insecure` is set for Kubernetes.",
		Attributes: map[string]schema.Attribute{
			"datastore_type": datastoreType,
			"config_file":    optionalText("Path of a calicoctl configuration file (kind `CalicoAPIConfig`), such as `\"/etc/calico/calicoctl.cfg\"`, for settings found neither here nor in the environment. Default: none; calicoctl's default path is not read unless it is given. Environment: `CALICOCTL_CONFIG`."),
			"calico_version": optionalText("Calico release that uses this datastore, such as `\"3.28\"`, `\"3.31\"` or `\"v3.32.1\"`. It decides under which names policies are stored. Default: detected from the datastore; set it if nothing there tells the release, for example before the first calico-node has started."),
			adoptIdentical: schema.BoolAttribute{
				MarkdownDescription: "Whether a create takes over an object that exists already, if what is stored is exactly what it would write. Nothing is written then, and a warning names each such object. What differs in anything is refused. Set it to `true` to repair what an interrupted apply has left behind, and take it out afterwards: see [After an interrupted apply](guides/interrupted-apply.md). Default: `false`.",
				Optional:            true,
			},
		},
		Blocks: map[string]schema.Block{
			"etcd":       etcdBlock(),
			"kubernetes": kubernetesBlock(),
		},
	}
	maps.Copy(resp.Schema.Blocks, guardBlocks())
}

func (p *calicoProvider) Resources(context.Context) []func() resource.Resource {
	definitions := []func() definition{
		failsafePolicyResource,
		hostEndpointResource,
		globalNetworkPolicyResource,
		networkPolicyResource,
		stagedGlobalNetworkPolicyResource,
		stagedNetworkPolicyResource,
		tierResource,
		globalNetworkSetResource,
		networkSetResource,
		profileResource,
		felixConfigurationResource,
		ipPoolResource,
		ipReservationResource,
		bgpConfigurationResource,
		bgpPeerResource,
		bgpFilterResource,
		nodeResource,
		kubeControllersConfigurationResource,
	}
	all := make([]func() resource.Resource, 0, len(definitions))
	for _, define := range definitions {
		// The framework makes a resource for each request: its schema is made once.
		define := sync.OnceValue(define)
		all = append(all, func() resource.Resource { return &objectResource{definition: define()} })
	}
	return all
}

func (p *calicoProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{newConnectivityDataSource}
}

func (p *calicoProvider) Functions(context.Context) []func() function.Function {
	return []func() function.Function{newManifestFunction, newVerdictFunction}
}

// ValidateConfig reports what is wrong with the provider block itself.
func (p *calicoProvider) ValidateConfig(ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse) {
	defer makeSafe(&resp.Diagnostics)
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	given := readBlock(&model, &resp.Diagnostics)
	for _, problem := range settings.Check(given.settings) {
		addProblem(&resp.Diagnostics, problem)
	}
	readGuard(&model, nil, &resp.Diagnostics)
}

// Configure finds out how to reach the datastore. It does not connect: that is
// for the first resource that needs it.
func (p *calicoProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	defer makeSafe(&resp.Diagnostics)
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	given := readBlock(&model, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	data := &providerData{release: given.release, build: buildOf(p.version)}
	defer p.data.Store(data)
	resp.ResourceData, resp.DataSourceData = data, data
	if !req.Config.Raw.IsFullyKnown() {
		return
	}
	use := func(c connection) {
		data.datastore, data.open, data.adoptIdentical = c.datastoreType, c.open, model.AdoptIdentical.ValueBool()
		data.guard = readGuard(&model, c.endpoints, &resp.Diagnostics)
		data.guard.InPod = c.inPod
		data.guard.Options = verdictOptions(c.datastoreType)
		data.guard.Kubernetes = c.datastoreType == kubernetes.Type
		data.opened = datastore.Shared[datastore.Store]{Stands: datastore.Forever, FailureStands: datastore.Forever}
		data.lock.Stands, data.requestTimeout = datastore.Forever, c.requestTimeout
	}
	if p.store != nil {
		use(p.store.connect(given))
		return
	}
	resolved, problems := settings.Resolve(given.settings, os.LookupEnv, given.configFile)
	for _, problem := range problems {
		addProblem(&resp.Diagnostics, problem)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	switch resolved.DatastoreType {
	case settings.None:
		data.offline = true
	case settings.Kubernetes:
		c, err := connectKubernetes(resolved.ResolvedKubernetes, given, p.version, data.notify)
		if err != nil {
			resp.Diagnostics.AddAttributeError(path.Root("kubernetes"), "Kubernetes Is Not Configured", err.Error())
			return
		}
		use(c)
	default:
		use(connectEtcd(resolved.ResolvedEtcd, given))
	}
}

// connection is the way to a datastore that is configured.
type connection struct {
	datastoreType *datastore.Type
	// endpoints are where it is reached, by hosts as well.
	endpoints []string
	// inPod is true if it is reached as only pods can reach it; then there are no endpoints.
	inPod bool
	// requestTimeout is how long a request may take.
	requestTimeout time.Duration
	open           func(context.Context) (datastore.Store, error)
}

// WithStore makes the provider keep its objects in the store that open returns, whatever
// the configuration says of a datastore. open gets calico_version of the configuration;
// nil if that is not set. It is for tests: no configuration leads here.
func WithStore(datastoreType *datastore.Type, open func(ctx context.Context, release *calico.Release) (datastore.Store, error)) Option {
	return func(p *calicoProvider) { p.store = &injectedStore{datastoreType, open} }
}

// injectedStore is what WithStore is given.
type injectedStore struct {
	datastoreType *datastore.Type
	open          func(context.Context, *calico.Release) (datastore.Store, error)
}

// connect is the way to the store.
func (s *injectedStore) connect(given block) connection {
	return connection{
		datastoreType:  s.datastoreType,
		requestTimeout: given.timeouts[etcdRequestTimeout],
		open:           func(ctx context.Context) (datastore.Store, error) { return s.open(ctx, given.release) },
	}
}

func optionalText(description string) schema.StringAttribute {
	return schema.StringAttribute{MarkdownDescription: description, Optional: true}
}

func optionalSecret(description string) schema.StringAttribute {
	a := optionalText(description)
	a.Sensitive = true
	return a
}

// block is what the provider block gives, as far as it is known.
type block struct {
	settings   settings.Settings
	configFile string
	release    *calico.Release
	// timeouts are the time limits that the blocks give, or what is so without.
	timeouts map[settings.Name]time.Duration
}

func readBlock(model *providerModel, diags *diag.Diagnostics) block {
	b := block{configFile: model.ConfigFile.ValueString(), timeouts: map[settings.Name]time.Duration{}}
	b.settings.DatastoreType = model.DatastoreType.ValueString()
	b.settings.EtcdBlock, b.settings.KubernetesBlock = isThere(model.Etcd), isThere(model.Kubernetes)
	b.readEtcd(model.Etcd.Attributes(), diags)
	b.readKubernetes(model.Kubernetes.Attributes(), diags)
	if text := model.CalicoVersion.ValueString(); text != "" {
		release, err := calico.ParseRelease(text)
		if err != nil {
			diags.AddAttributeError(path.Root("calico_version"), "Not a Calico Release", err.Error())
		}
		b.release = &release
	}
	return b
}

// isThere tells whether the provider has the block. What is not known yet may be none.
func isThere(block types.Object) bool { return !block.IsNull() && !block.IsUnknown() }

// readTimeout takes in a time limit that a block gives; unset is what it is if that gives
// none.
func (b *block) readTimeout(name settings.Name, given values, unset time.Duration, diags *diag.Diagnostics) {
	b.timeouts[name] = unset
	steps := name.Steps()
	text := given.str(steps[1])
	if text == "" {
		return
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		diags.AddAttributeError(path.Root(steps[0]).AtName(steps[1]), "Not a Timeout",
			fmt.Sprintf("%s is %q, which is not a duration of at least one second. Write it as \"5s\" or \"1m30s\".", name, text))
	}
	b.timeouts[name] = d
}

// addProblem reports what is wrong with the settings, on the attribute that it
// belongs to.
func addProblem(diags *diag.Diagnostics, problem settings.Problem) {
	steps := problem.Setting.Steps()
	at := path.Root(steps[0])
	for _, step := range steps[1:] {
		at = at.AtName(step)
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

// buildOf tells builds of the provider apart: by the version, or of a development by the
// program itself.
func buildOf(version string) string {
	if version != "dev" {
		return version
	}
	program, err := os.Executable()
	if err != nil {
		return version
	}
	info, err := os.Stat(program)
	if err != nil {
		return version
	}
	return fmt.Sprintf("%s %d %d", version, info.Size(), info.ModTime().UnixNano())
}
