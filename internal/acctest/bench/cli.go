package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// rival is a resource whose plan without changes is measured.
type rival struct {
	name string
	// configuration has count objects.
	configuration func(count int) string
	workspace     *acctest.Workspace
	runs          []cost
}

// cost is what one run of the CLI took, with the providers that it started.
type cost struct {
	cpu, wall time.Duration
}

// hosts is a for_each over a local value: over an expression, it makes Terraform's own
// cost three times what it is.
const hosts = `locals {
  hosts = toset([for i in range(%d) : format("db%%05d", i)])
}

`

// attributes are the same for all rivals.
const attributes = `name           = "${each.key}-eth0"
node           = each.key
interface_name = "eth0"
expected_ips   = ["10.0.0.5", "2001:db8::5"]
labels         = { role = "db", environment = "production" }
`

func rivals(etcd string) []*rival {
	return []*rival{
		{name: "terraform_data", configuration: func(count int) string {
			return fmt.Sprintf(hosts, count) + "resource \"terraform_data\" \"this\" {\n  for_each = local.hosts\n  input = {\n" + attributes + "}\n}\n"
		}},
		{name: "minimal", configuration: func(count int) string {
			return "terraform {\n  required_providers {\n    minimal = { source = \"calico-terraform/minimal\" }\n  }\n}\n" +
				fmt.Sprintf(hosts, count) + "resource \"minimal_endpoint\" \"this\" {\n  for_each = local.hosts\n" + attributes + "}\n"
		}},
		{name: "calico", configuration: func(count int) string {
			return "terraform {\n  required_providers {\n    calico = { source = \"" + acctest.ProviderSource + "\" }\n  }\n}\n" +
				"provider \"calico\" {\n  etcd {\n    endpoints = [\"" + etcd + "\"]\n  }\n}\n" +
				fmt.Sprintf(hosts, count) + "resource \"calico_host_endpoint\" \"this\" {\n  for_each = local.hosts\n" + attributes + "}\n"
		}},
	}
}

// cli measures plans without changes: rivals take turns, so that what else the machine
// does is shared.
func (b *bench) cli(ctx context.Context) error {
	provider, err := acctest.ProviderBinary()
	if err != nil {
		return err
	}
	minimal := filepath.Join(b.dir, "minimal", "terraform-provider-minimal")
	if err := acctest.BuildMain("./internal/acctest/bench/minimal", minimal); err != nil {
		return err
	}
	cli, err := acctest.FindCLI()
	if err != nil {
		return err
	}
	b.printf("%s, %s, %d processors, %s\n", cli, runtime.Version(), runtime.NumCPU(), runtime.GOARCH)
	if err := b.compareStarts(ctx, provider, minimal); err != nil {
		return err
	}
	for _, rtt := range b.rtts {
		for _, count := range b.counts {
			if err := b.compare(ctx, cli, provider, count, rtt); err != nil {
				return err
			}
		}
	}
	return nil
}

// startsPerRun is how often each provider is started in a run: one start takes hundredths of
// a second.
const startsPerRun = 10

// compareStarts measures starts of the provider beside those of the minimal one.
func (b *bench) compareStarts(ctx context.Context, provider, minimal string) error {
	var ours, ratios []float64
	for range b.runs {
		var spent [2]time.Duration
		for range startsPerRun {
			for i, program := range []string{provider, minimal} {
				cost, err := startCost(ctx, program)
				if err != nil {
					return err
				}
				spent[i] += cost
			}
		}
		ours = append(ours, float64(spent[0])/float64(time.Millisecond)/startsPerRun)
		ratios = append(ratios, float64(spent[0])/float64(spent[1]))
	}
	b.printf("from the start to the schemas: %.0f ms of CPU, %.2f times those of the minimal provider (medians of %d runs of %d starts each)\n", median(ours), median(ratios), b.runs, startsPerRun)
	return nil
}

func (b *bench) compare(ctx context.Context, cli acctest.CLI, provider string, count int, rtt time.Duration) error {
	etcd, err := acctest.StartEtcd(ctx, acctest.WithCalico(calicoVersion))
	if err != nil {
		return err
	}
	defer etcd.Close()
	slow, err := delay(strings.TrimPrefix(etcd.Endpoints[0], "http://"), rtt)
	if err != nil {
		return err
	}
	defer slow.Close()
	all := rivals("http://" + slow.address())
	for _, r := range all {
		dir := filepath.Join(b.dir, fmt.Sprintf("%s-%d-%s", r.name, count, rtt))
		if r.workspace, err = acctest.MakeWorkspace(ctx, cli, provider, dir, map[string]string{"main.tf": r.configuration(count)}); err != nil {
			return err
		}
		r.workspace.Env = append(r.workspace.Env, "TF_CLI_CONFIG_FILE="+b.cliConfig)
		if _, err := r.workspace.RunContext(ctx, "apply", "-auto-approve", "-parallelism=50"); err != nil {
			return err
		}
	}
	for range b.runs {
		for _, r := range all {
			var spent time.Duration
			r.workspace.Ended = func(state *os.ProcessState) { spent = state.UserTime() + state.SystemTime() }
			start := time.Now()
			changes, text, err := r.workspace.Plan(ctx)
			if err != nil {
				return err
			}
			if changes {
				return fmt.Errorf("the plan of %s has changes:\n%s", r.name, text)
			}
			r.runs = append(r.runs, cost{spent, time.Since(start)})
		}
	}
	b.printf("\n%d objects, a round trip of %s, medians of %d alternating runs\n", count, rtt, b.runs)
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "plan without changes\tCPU\tto terraform_data\twall\tto terraform_data\t")
	for _, r := range all {
		cpu, wall := r.medians(nil)
		cpuRatio, wallRatio := r.medians(all[0])
		_, _ = fmt.Fprintf(w, "%s\t%.2f s\t%.2f\t%.2f s\t%.2f\t\n", r.name, cpu, cpuRatio, wall, wallRatio)
	}
	return w.Flush()
}

// medians are of the seconds of all runs; or, beside another rival, of the ratios to its
// runs, each to the one of the same turn.
func (r *rival) medians(other *rival) (cpu, wall float64) {
	var cpus, walls []float64
	for i, run := range r.runs {
		base := cost{time.Second, time.Second}
		if other != nil {
			base = other.runs[i]
		}
		cpus = append(cpus, float64(run.cpu)/float64(base.cpu))
		walls = append(walls, float64(run.wall)/float64(base.wall))
	}
	return median(cpus), median(walls)
}

func median[T cmp.Ordered](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}
