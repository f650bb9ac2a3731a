// Command tool builds tools of tools/ where they are not built yet, and prints
// where they are, one a line:
//
//	"$(go run ./internal/acctest/tool golangci-lint)" run
//
// With -tests, it builds those that the tests need on this machine. With
// -clean, it removes all that were ever built.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

func main() {
	flag.Usage = func() {
		_, _ = fmt.Fprintf(flag.CommandLine.Output(), "usage: tool [-tests] [-clean] [name...]\nThe tools are %s.\n", strings.Join(acctest.Tools(), ", "))
		flag.PrintDefaults()
	}
	forTests := flag.Bool("tests", false, "build what the tests need")
	clean := flag.Bool("clean", false, "remove all tools that were built")
	flag.Parse()
	if flag.NArg() == 0 && !*forTests && !*clean {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*clean, *forTests, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "tool:", err)
		os.Exit(1)
	}
}

func run(clean, forTests bool, names []string) error {
	if clean {
		if err := acctest.RemoveTools(); err != nil {
			return err
		}
	}
	if forTests {
		if err := acctest.BuildTestTools(); err != nil {
			return err
		}
	}
	for _, name := range names {
		path, err := acctest.Tool(name)
		if err != nil {
			return err
		}
		fmt.Println(path)
	}
	return nil
}
