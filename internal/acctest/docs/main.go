// Command docs formats examples/ and writes the provider's pages of the
// registry: `make generate`. With -format it only formats.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

func main() {
	dir := flag.String("dir", "docs", "the directory to write")
	formatOnly := flag.Bool("format", false, "only format the examples")
	flag.Parse()
	if err := run(*dir, *formatOnly); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

func run(dir string, formatOnly bool) error {
	defer acctest.Cleanup()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := acctest.FormatExamples(ctx, false); err != nil || formatOnly {
		return err
	}
	return acctest.GenerateDocs(ctx, dir)
}
