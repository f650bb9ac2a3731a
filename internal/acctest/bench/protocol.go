package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider"
)

// packed is a value in the protocol: msgpack, which JSON shows as base64.
type packed struct {
	Msgpack []byte `json:"msgpack"`
}

// nothing is the value of what is not there, and unknown that of what is yet to come.
var (
	nothing = packed{[]byte{0xc0}}
	unknown = msgpack.RawMessage{0xd4, 0, 0}
)

func pack(value any) (packed, error) {
	text, err := msgpack.Marshal(value)
	return packed{text}, err
}

// instance is a resource instance, with what Terraform keeps of it.
type instance struct {
	typeName string
	config   packed
	// proposed is what Terraform proposes for a new one.
	proposed packed
	state    packed
	// next is the state that is proposed if it is to change.
	next     packed
	json     []byte
	private  []byte
	identity json.RawMessage
}

// protocol measures, phase by phase, what the provider does for a plan without changes of
// count host endpoints and some policies. Terraform itself takes no part in it.
func (b *bench) protocol(ctx context.Context, count, policies int, rtt time.Duration) error {
	program, err := acctest.ProviderBinary()
	if err != nil {
		return err
	}
	etcd, err := acctest.StartEtcd(ctx, acctest.WithCalico(calicoVersion))
	if err != nil {
		return err
	}
	defer etcd.Close()
	target := strings.TrimPrefix(etcd.Endpoints[0], "http://")
	near, err := delay(target, 0)
	if err != nil {
		return err
	}
	defer near.Close()
	far, err := delay(target, rtt)
	if err != nil {
		return err
	}
	defer far.Close()
	types, err := typesOfProvider(ctx)
	if err != nil {
		return err
	}
	all, err := instances(types, count, policies)
	if err != nil {
		return err
	}
	if err := b.apply(ctx, program, types, near, all); err != nil {
		return err
	}

	p, err := startPlugin(ctx, program)
	if err != nil {
		return err
	}
	defer p.kill()
	b.printf("%d host endpoints and %d policies, a round trip of %s, %s, %d processors\n", count, policies, rtt, runtime.Version(), runtime.NumCPU())
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "a plan without changes\tCPU\twall\tpeak memory\tcalls\tread\t")
	var last time.Duration
	calls := 0
	for _, phase := range []struct {
		name string
		do   func() error
	}{
		{"start and configure", func() error { return configure(ctx, p, types, far, nil) }},
		{"upgrade", func() error { return each(all, func(i *instance) error { return i.upgrade(ctx, p) }) }},
		{"read", func() error { return each(all, func(i *instance) error { return i.read(ctx, p) }) }},
		{"validate", func() error { return each(all, func(i *instance) error { return i.validate(ctx, p) }) }},
		{"plan", func() error { return each(all, func(i *instance) error { return i.plan(ctx, p) }) }},
		{"in all", func() error { return nil }},
	} {
		before, err := etcd.CountCalls(ctx)
		if err != nil {
			return err
		}
		read, start := far.sent.Load(), time.Now()
		if err := phase.do(); err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
		wall := time.Since(start)
		after, err := etcd.CountCalls(ctx)
		if err != nil {
			return err
		}
		cpu, err := p.cpu()
		if err != nil {
			return err
		}
		peak, err := p.peak()
		if err != nil {
			return err
		}
		n := after - before
		spent, bytes := cpu-last, far.sent.Load()-read
		last = cpu
		calls += n
		if phase.name == "in all" {
			spent, n, bytes, wall = cpu, calls, far.sent.Load(), 0
		}
		_, _ = fmt.Fprintf(w, "%s\t%.2f s\t%.2f s\t%d MB\t%d\t%.2f MB\t\n", phase.name, spent.Seconds(), wall.Seconds(), peak>>20, n, float64(bytes)/1e6)
	}
	if err := w.Flush(); err != nil || b.changed == 0 {
		return err
	}
	p.kill()
	return b.changes(ctx, program, types, near, all)
}

// typesOfProvider returns the schemas of the provider's block and of its resources.
func typesOfProvider(ctx context.Context) (*tfprotov6.GetProviderSchemaResponse, error) {
	server, err := providerserver.NewProtocol6WithError(provider.New("bench")())()
	if err != nil {
		return nil, err
	}
	return server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
}

// complete gives an object all attributes that its type has.
func complete(typ tftypes.Type, given any) any {
	switch typ := typ.(type) {
	case tftypes.Object:
		fields, ok := given.(map[string]any)
		if !ok {
			return given
		}
		all := map[string]any{}
		for name, of := range typ.AttributeTypes {
			all[name] = complete(of, fields[name])
		}
		return all
	case tftypes.List:
		list, ok := given.([]any)
		if !ok {
			return given
		}
		all := make([]any, len(list))
		for i, one := range list {
			all[i] = complete(typ.ElementType, one)
		}
		return all
	default:
		return given
	}
}

func instances(types *tfprotov6.GetProviderSchemaResponse, count, policies int) (all []*instance, err error) {
	add := func(typeName string, given map[string]any) error {
		schema := types.ResourceSchemas[typeName]
		config, ok := complete(schema.ValueType(), given).(map[string]any)
		if !ok {
			return fmt.Errorf("%s is no object", typeName)
		}
		i := &instance{typeName: typeName}
		if i.config, err = pack(config); err != nil {
			return err
		}
		for _, attribute := range schema.Block.Attributes {
			if attribute.Computed && config[attribute.Name] == nil {
				config[attribute.Name] = unknown
			}
		}
		i.proposed, err = pack(config)
		all = append(all, i)
		return err
	}
	for n := range policies {
		err := add("calico_global_network_policy", map[string]any{
			"name": fmt.Sprintf("p%05d", n), "order": n, "selector": fmt.Sprintf("rack == 'r%d'", n%20),
			"ingress": []any{map[string]any{
				"action": "Allow", "protocol": "TCP",
				"source": map[string]any{"nets": []any{fmt.Sprintf("10.%d.0.0/16", n%200)}}, "destination": map[string]any{"ports": []any{"443"}},
			}},
		})
		if err != nil {
			return nil, err
		}
	}
	for n := range count {
		err := add("calico_host_endpoint", map[string]any{
			"name": fmt.Sprintf("db%05d-eth0", n), "node": fmt.Sprintf("db%05d", n), "interface_name": "eth0",
			"expected_ips": []any{"10.0.0.5", "2001:db8::5"}, "labels": map[string]any{"role": "db", "rack": fmt.Sprintf("r%d", n%20)},
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// configure tells the provider where etcd is, and what else its block says.
func configure(ctx context.Context, p *plugin, types *tfprotov6.GetProviderSchemaResponse, etcd *delayed, more map[string]any) error {
	var ignored struct{}
	if err := p.ask(ctx, "GetProviderSchema", struct{}{}, &ignored); err != nil {
		return err
	}
	given := map[string]any{"etcd": map[string]any{"endpoints": []any{"http://" + etcd.address()}}}
	maps.Copy(given, more)
	config, err := pack(complete(types.Provider.ValueType(), given))
	if err != nil {
		return err
	}
	return p.ask(ctx, "ConfigureProvider", map[string]any{"terraformVersion": "1.11.4", "config": config}, &ignored)
}

// apply creates the objects in a process of its own.
func (b *bench) apply(ctx context.Context, program string, types *tfprotov6.GetProviderSchemaResponse, etcd *delayed, all []*instance) error {
	p, err := startPlugin(ctx, program)
	if err != nil {
		return err
	}
	defer p.kill()
	if err := configure(ctx, p, types, etcd, nil); err != nil {
		return err
	}
	return each(all, func(i *instance) error { return i.create(ctx, p) })
}

// parallel is how much Terraform does at the same time.
const parallel = 10

// each does something with all instances, some at a time. The error is the first.
func each(all []*instance, do func(*instance) error) error {
	next := make(chan *instance)
	errs := make(chan error, parallel)
	var group sync.WaitGroup
	for range parallel {
		group.Go(func() {
			for i := range next {
				if err := do(i); err != nil {
					errs <- fmt.Errorf("%s: %w", i.typeName, err)
					return
				}
			}
		})
	}
	var failed error
	for _, i := range all {
		select {
		case next <- i:
			continue
		case failed = <-errs:
		}
		break
	}
	close(next)
	group.Wait()
	close(errs)
	for err := range errs {
		failed = cmp.Or(failed, err)
	}
	return failed
}

func (i *instance) create(ctx context.Context, p *plugin) error {
	if err := i.validate(ctx, p); err != nil {
		return err
	}
	var planned struct {
		PlannedState   packed
		PlannedPrivate []byte
	}
	err := p.ask(ctx, "PlanResourceChange", map[string]any{"typeName": i.typeName, "priorState": nothing, "proposedNewState": i.proposed, "config": i.config}, &planned)
	if err != nil {
		return err
	}
	var applied struct {
		NewState    packed
		Private     []byte
		NewIdentity json.RawMessage
	}
	err = p.ask(ctx, "ApplyResourceChange", map[string]any{
		"typeName": i.typeName, "priorState": nothing, "plannedState": planned.PlannedState, "config": i.config, "plannedPrivate": planned.PlannedPrivate,
	}, &applied)
	if err != nil {
		return err
	}
	i.state, i.private, i.identity = applied.NewState, applied.Private, applied.NewIdentity
	var values any
	if err := msgpack.Unmarshal(i.state.Msgpack, &values); err != nil {
		return err
	}
	i.json, err = json.Marshal(values)
	return err
}

func (i *instance) upgrade(ctx context.Context, p *plugin) error {
	var upgraded struct{ UpgradedState packed }
	return p.ask(ctx, "UpgradeResourceState", map[string]any{"typeName": i.typeName, "rawState": map[string]any{"json": i.json}}, &upgraded)
}

func (i *instance) read(ctx context.Context, p *plugin) error {
	var read struct {
		NewState packed
		Private  []byte
	}
	err := p.ask(ctx, "ReadResource", map[string]any{"typeName": i.typeName, "currentState": i.state, "private": i.private, "currentIdentity": i.identity}, &read)
	if err == nil && !bytes.Equal(read.NewState.Msgpack, i.state.Msgpack) {
		err = errors.New("what was read is not what was applied")
	}
	return err
}

func (i *instance) validate(ctx context.Context, p *plugin) error {
	var ignored struct{}
	return p.ask(ctx, "ValidateResourceConfig", map[string]any{"typeName": i.typeName, "config": i.config}, &ignored)
}

func (i *instance) plan(ctx context.Context, p *plugin) error {
	proposed := i.state
	if i.next.Msgpack != nil {
		proposed = i.next
	}
	var planned struct{ PlannedState packed }
	err := p.ask(ctx, "PlanResourceChange", map[string]any{
		"typeName": i.typeName, "priorState": i.state, "proposedNewState": proposed, "config": i.config, "priorPrivate": i.private, "priorIdentity": i.identity,
	}, &planned)
	if changes := !bytes.Equal(planned.PlannedState.Msgpack, i.state.Msgpack); err == nil && changes != (i.next.Msgpack != nil) {
		err = fmt.Errorf("a change is planned: %t", changes)
	}
	return err
}
