// Command tool builds tools of tools/ where they are not built yet, and prints
// where they are, one a line:
//
//	"$(go run ./internal/acctest/tool golangci-lint)" run
//
// With -tests, it builds those that the tests need; with -all, all of them.
// With -clean, it removes all that were ever built.
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
		_, _ = fmt.Fprintf(flag.CommandLine.Output(), "usage: tool [-clean] [-tests | -all] [name...]\nThe tools are %s.\n", strings.Join(acctest.Tools(), ", "))
		flag.PrintDefaults()
	}
	forTests := flag.Bool("tests", false, "build what the tests need")
	all := flag.Bool("all", false, "build all tools")
	clean := flag.Bool("clean", false, "remove all tools that were built")
	flag.Parse()
	names := flag.Args()
	if *forTests {
		names = append(names, acctest.TestTools()...)
	}
	if *all {
		names = append(names, acctest.Tools()...)
	}
	if len(names) == 0 && !*clean {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*clean, names); err != nil {
		fmt.Fprintln(os.Stderr, "tool:", err)
		os.Exit(1)
	}
}

func run(clean bool, names []string) error {
	if clean {
		if err := acctest.RemoveTools(); err != nil {
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
