// Command terraform-provider-calico is the Terraform provider for Project Calico.
package main

import (
	"cmp"
	"context"
	"flag"
	"log"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/calico-terraform/terraform-provider-calico/internal/provider"
)

// version is set by the release build.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "serve for a debugger: print how to attach Terraform to this process")
	flag.Parse()
	if !*debug {
		quietFramework()
	}

	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address: provider.Address,
		Debug:   *debug,
	})
	if closeErr := provider.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		log.Fatal(err)
	}
}

// quietFramework turns off the traces of the framework unless they are asked for, or
// somebody has set a level for it. It writes several for each element of a list, into
// contexts that it nests for each: a list of ten thousand networks takes minutes, and
// Terraform reads the lines only to drop them.
func quietFramework() {
	const framework = "TF_LOG_SDK_FRAMEWORK"
	if os.Getenv(framework) != "" || os.Getenv("TF_LOG_SDK") != "" {
		return
	}
	switch strings.ToUpper(cmp.Or(os.Getenv("TF_LOG_PROVIDER"), os.Getenv("TF_LOG"))) {
	case "TRACE", "JSON":
	default:
		if err := os.Setenv(framework, "DEBUG"); err != nil {
			log.Fatal(err)
		}
	}
}
