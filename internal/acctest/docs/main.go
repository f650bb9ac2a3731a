// Command docs writes the provider's pages of the registry: `make generate`.
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
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	defer acctest.Cleanup()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := acctest.FormatExamples(ctx, false); err != nil {
		return err
	}
	return acctest.GenerateDocs(ctx, dir)
}
