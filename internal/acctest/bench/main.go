// Command bench measures what the provider costs: `make bench-cli` compares the CPU of
// plans without changes with that of Terraform's own terraform_data and of a minimal
// provider. BENCHMARKS.md has results, and tells how to read them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// calicoVersion is the release that the datastore is made to belong to.
const calicoVersion = "v3.31.0"

type bench struct {
	out    io.Writer
	counts []int
	// changed is how many host endpoints the plan of changes changes.
	changed int
	rtts    []time.Duration
	runs    int

	// dir is the directory of all that is made, and cliConfig the CLI's configuration that
	// leads to the providers.
	dir, cliConfig string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	acctest.Cleanup()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	b := &bench{out: os.Stdout}
	counts := flag.String("n", "300,1000", "how many objects there are")
	rtts := flag.String("rtt", "0,50ms", "round trips to the datastore")
	policies := flag.Int("policies", -1, "measure the provider alone, without Terraform, with so many policies beside the objects; -1 compares plans of the CLI")
	flag.IntVar(&b.changed, "changed", 0, "measure with -policies how much of a plan that changes so many host endpoints is the guard's")
	flag.IntVar(&b.runs, "runs", 5, "how often each is run")
	flag.Parse()
	for text := range strings.SplitSeq(*counts, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("-n: %w", err)
		}
		b.counts = append(b.counts, n)
	}
	for text := range strings.SplitSeq(*rtts, ",") {
		rtt, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("-rtt: %w", err)
		}
		b.rtts = append(b.rtts, rtt)
	}
	if *policies >= 0 {
		for _, rtt := range b.rtts {
			for _, count := range b.counts {
				if err := b.protocol(ctx, count, *policies, rtt); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if b.dir, err = os.MkdirTemp("", "calico-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	provider, err := acctest.ProviderBinary()
	if err != nil {
		return err
	}
	b.cliConfig = filepath.Join(b.dir, "cli.tfrc")
	config := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    %q = %q\n    %q = %q\n  }\n}\n",
		"registry.terraform.io/"+acctest.ProviderSource, filepath.Dir(provider),
		"registry.terraform.io/calico-terraform/minimal", filepath.Join(b.dir, "minimal"))
	if err := os.WriteFile(b.cliConfig, []byte(config), 0o600); err != nil {
		return err
	}
	return b.cli(ctx)
}

func (b *bench) printf(format string, args ...any) { _, _ = fmt.Fprintf(b.out, format, args...) }
