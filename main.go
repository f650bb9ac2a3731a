// Command terraform-provider-calico is the Terraform provider for Project Calico.
package main

import (
	"cmp"
	"flag"
	"log"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/calico-terraform/terraform-provider-calico/internal/provider"
)

// version is set by the release build.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "serve for a debugger: print how to attach Terraform to this process")
	flag.Parse()
	if !*debug {
		quietLogs()
	}

	// Room that is never used, and so takes no memory: garbage is collected when there is as
	// much of it as of what is held, this included, and not every few milliseconds. A plan of
	// thousands of objects holds little and leaves much behind.
	room := make([]byte, 64<<20)

	var options []tf6server.ServeOpt
	if *debug {
		options = append(options, tf6server.WithManagedDebug())
	}
	err := tf6server.Serve(provider.Address, provider.Server(version), options...)
	runtime.KeepAlive(room)
	if closeErr := provider.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		log.Fatal(err)
	}
}

// quietLogs has nothing logged that Terraform would read only to drop it, unless somebody has
// set a level for that. By themselves the SDK and the provider log all that there is,
// whatever is asked for: that took a quarter of the CPU of a plan, and minutes for a list of
// ten thousand networks.
func quietLogs() {
	level := strings.ToUpper(cmp.Or(os.Getenv("TF_LOG_PROVIDER"), os.Getenv("TF_LOG"), "OFF"))
	if !slices.Contains([]string{"OFF", "ERROR", "WARN", "INFO", "DEBUG"}, level) {
		return // all, JSON, or what Terraform tells its users that it does not know
	}
	// (What is below the SDK does not take the SDK's level over.)
	asked := os.Getenv("TF_LOG_SDK") != ""
	for _, variable := range []string{"TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO", "TF_LOG_PROVIDER_CALICO"} {
		if os.Getenv(variable) != "" || asked && strings.HasPrefix(variable, "TF_LOG_SDK") {
			continue
		}
		if err := os.Setenv(variable, level); err != nil {
			log.Fatal(err)
		}
	}
}
