package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/vmihailenco/msgpack/v5"
)

// changes measures a plan that moves some of the hosts to another rack, by whose label
// policies choose them: with the guards off, and with lockout_guard in mode "error".
func (b *bench) changes(ctx context.Context, program string, types *tfprotov6.GetProviderSchemaResponse, etcd *delayed, all []*instance) error {
	left := b.changed
	for _, i := range all {
		if left == 0 {
			break
		}
		if i.typeName != "calico_host_endpoint" {
			continue
		}
		if err := i.move(); err != nil {
			return err
		}
		left--
	}
	if left > 0 {
		return fmt.Errorf("-changed: there are %d host endpoints, not %d", b.changed-left, b.changed)
	}
	mode := func(lockout, exposure string) map[string]any {
		return map[string]any{"lockout_guard": map[string]any{"mode": lockout}, "exposure_guard": map[string]any{"mode": exposure}}
	}
	var off, on []float64
	var ratios []float64
	for range b.runs {
		without, err := planCost(ctx, program, types, etcd, all, mode("off", "off"))
		if err != nil {
			return err
		}
		with, err := planCost(ctx, program, types, etcd, all, mode("error", "warn"))
		if err != nil {
			return err
		}
		off, on, ratios = append(off, without.Seconds()), append(on, with.Seconds()), append(ratios, float64(with)/float64(without))
	}
	b.printf("\na plan that changes %d of them, medians of %d alternating runs\n", b.changed, b.runs)
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "guards\tCPU\tto off\t\noff\t%.2f s\t1.00\t\non\t%.2f s\t%.2f\t\n", median(off), median(on), median(ratios))
	return w.Flush()
}

// planCost is the CPU that the provider takes for a whole plan.
func planCost(ctx context.Context, program string, types *tfprotov6.GetProviderSchemaResponse, etcd *delayed, all []*instance, block map[string]any) (time.Duration, error) {
	p, err := startPlugin(ctx, program)
	if err != nil {
		return 0, err
	}
	defer p.kill()
	if err := configure(ctx, p, types, etcd, block); err != nil {
		return 0, err
	}
	for _, phase := range []func(context.Context, *plugin, *instance) error{
		func(ctx context.Context, p *plugin, i *instance) error { return i.upgrade(ctx, p) },
		func(ctx context.Context, p *plugin, i *instance) error { return i.read(ctx, p) },
		func(ctx context.Context, p *plugin, i *instance) error { return i.validate(ctx, p) },
		func(ctx context.Context, p *plugin, i *instance) error { return i.plan(ctx, p) },
	} {
		if err := each(all, func(i *instance) error { return phase(ctx, p, i) }); err != nil {
			return 0, err
		}
	}
	return p.cpu()
}

// move gives the configuration of a host endpoint, and what Terraform proposes for it, the
// label of another rack.
func (i *instance) move() error {
	for _, value := range []*packed{&i.config, &i.next} {
		from := value.Msgpack
		if from == nil {
			from = i.state.Msgpack
		}
		var fields map[string]any
		if err := msgpack.Unmarshal(from, &fields); err != nil {
			return err
		}
		labels, ok := fields["labels"].(map[string]any)
		if !ok {
			return fmt.Errorf("%s has no labels", i.typeName)
		}
		labels["rack"] = strings.Replace(fmt.Sprint(labels["rack"]), "r", "r1", 1)
		var err error
		if *value, err = pack(fields); err != nil {
			return err
		}
	}
	return nil
}
