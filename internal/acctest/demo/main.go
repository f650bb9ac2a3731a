// Command demo shows the provider at work: `make demo`. It starts a real etcd, or
// with DATASTORE=kubernetes a real kube-apiserver, makes it a Calico datastore, and
// walks the whole of Calico's guide with a real CLI: the failsafe policy and a host
// endpoint, then the built-in failsafe ports off, and back. On the way, a plan tells
// what it does to traffic, and a mistake that would lock everybody out is refused. In
// Kubernetes, changes by calicoctl and by kubectl are put right, too. It fails if a
// second plan would change anything, or if the destroy leaves anything behind.
//
// With KEEP=1, it stops before the destroy, leaves the datastore running and says how
// to go on by hand.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// calicoVersion is the release that the datastore is made to belong to.
const calicoVersion = "v3.31.0"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	d := &demo{out: os.Stdout, keep: os.Getenv("KEEP") != "" && os.Getenv("KEEP") != "0"}
	err := d.choose(os.Getenv("DATASTORE"))
	if err == nil {
		err = d.run(ctx)
	}
	stop()
	acctest.Cleanup()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

type step struct {
	what string
	do   func(context.Context) error
}

// datastore is the real one in which the story is played.
type datastore interface {
	// name is what it is called in a sentence.
	name() string
	// start and prepare are the steps that make it a datastore of Calico.
	start() step
	prepare() step
	// objects returns what is stored of Calico's objects, and of the hosts.
	objects(context.Context) ([]object, error)
	// block is the provider's block of the connection. failsafe is what the failsafe
	// policy has beside who manages the hosts.
	block() string
	failsafe() string
	// felix is where the configuration of Felix is. withoutPorts is its value when the
	// two lists of failsafe ports are empty, and all else is as it was.
	felix() string
	withoutPorts(felix string) string
	// drift are changes that others make beside Terraform; none if the story is told
	// without them.
	drift() []step
	// remains is what a destroy leaves there, and why; "" for nothing.
	remains() string
	// goOn says how to look at the datastore by hand, and what is to be ended and removed
	// afterwards: processes and directories.
	goOn() (look string, processes, directories []string)
	close()
}

// object is what is stored of an object.
type object struct {
	// where it is stored; revision changes with each write of it.
	where, revision string
	// value is its JSON, as far as it is no matter of the datastore.
	value string
}

type demo struct {
	out  io.Writer
	keep bool

	dir       string
	cli       acctest.CLI
	datastore datastore
	workspace *acctest.Workspace
	// before is what the datastore held before the apply.
	before []object
}

// choose takes the datastore that is asked for.
func (d *demo) choose(datastore string) error {
	switch datastore {
	case "", "etcd":
		d.datastore = &etcd{demo: d}
	case "kubernetes":
		d.datastore = &kubernetes{demo: d}
	default:
		return fmt.Errorf("there is no DATASTORE=%s: etcd and kubernetes there are", datastore)
	}
	return nil
}

func (d *demo) run(ctx context.Context) (err error) {
	start := time.Now()
	if d.dir, err = os.MkdirTemp("", "calico-demo-"); err != nil {
		return err
	}
	defer func() {
		if d.keep && d.workspace != nil {
			d.sayHowToGoOn()
			return
		}
		d.datastore.close()
		_ = os.RemoveAll(d.dir)
	}()

	name := d.datastore.name()
	steps := []step{
		{"Find terraform or tofu", d.findCLI},
		{"Build the provider", d.buildProvider},
		d.datastore.start(),
		d.datastore.prepare(),
		{"Write a configuration", d.configure},
		{"Plan", d.plan},
		{"Apply that plan", d.apply},
		{"Plan again: nothing may be left to do", d.planAgain},
		{"Show what Calico finds in " + name + " now", d.show},
		{"The guide's last step: switch Calico's own failsafe ports off", d.failsafePortsOff},
		{"Plan again: nothing may be left to do", d.planAgain},
		{"Show what is off, and that the rest of that object is as it was", d.showFelix},
		{"A new policy: the plan tells what it does to traffic", d.connectivity},
		{"A mistake in a new policy: the guard refuses it", d.lockout},
	}
	steps = append(steps, d.datastore.drift()...)
	if !d.keep {
		steps = append(steps,
			step{"And back: the failsafe ports first", d.failsafePortsOn},
			step{"Destroy the rest", d.destroy},
			step{"See that nothing is left behind", d.compare},
			step{"Stop " + name, d.stop},
		)
	}
	for i, step := range steps {
		d.printf("\n==> %d/%d  %s\n", i+1, len(steps), step.what)
		began := time.Now()
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		d.printf("    done in %s\n", seconds(began))
	}
	d.printf("\nAll of it worked, in %s.\n", seconds(start))
	return nil
}

func (d *demo) findCLI(context.Context) (err error) {
	d.cli, err = acctest.FindCLI()
	d.printf("    %s\n", d.cli)
	return err
}

func (d *demo) provider() string { return filepath.Join(d.dir, "bin", "terraform-provider-calico") }

func (d *demo) buildProvider(context.Context) error { return acctest.BuildProvider(d.provider()) }

// remember takes what is stored for what was there before the apply.
func (d *demo) remember(ctx context.Context) (err error) {
	d.before, err = d.datastore.objects(ctx)
	for _, o := range d.before {
		d.printf("    %s\n", o.where)
	}
	return err
}

func (d *demo) configure(ctx context.Context) (err error) {
	main := fmt.Sprintf(configuration, acctest.ProviderSource, d.datastore.block(), d.datastore.failsafe())
	d.workspace, err = acctest.MakeWorkspace(ctx, d.cli, d.provider(), d.dir, map[string]string{"main.tf": main})
	if err == nil {
		d.printf("    %s, run with the provider just built (dev_overrides):\n", filepath.Join(d.workspace.Dir, "main.tf"))
		d.quote(main)
	}
	return err
}

const planFile = "demo.tfplan"

func (d *demo) stop(context.Context) error {
	d.datastore.close()
	return nil
}

func (d *demo) sayHowToGoOn() {
	look, processes, directories := d.datastore.goOn()
	d.printf(`
%[1]s goes on. To go on by hand:

  cd %[2]s
  export TF_CLI_CONFIG_FILE=%[3]s
  %[4]s plan
  %[4]s apply      # after a change to main.tf; no init is needed
  %[4]s destroy

With a calicoctl of %[5]s, look at what is there, or change it and plan again:

  %[6]s

To end it:

  kill %[7]s; rm -r %[8]s
`,
		d.datastore.name(), d.workspace.Dir, d.workspace.ConfigFile(), d.cli.Path, calicoVersion,
		look, strings.Join(processes, " "), strings.Join(append(directories, d.dir), " "))
}

// overridesWarning is what the CLI says at each run with dev_overrides. The
// demo says so once, and in fewer words.
var overridesWarning = regexp.MustCompile(`(?s)\n?Warning: Provider development overrides are in effect\n.*?\nreleases\.\n`)

func (d *demo) cliSays(text string) { d.quote(overridesWarning.ReplaceAllString(text, "")) }

func (d *demo) quote(text string) {
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		d.printf("    | %s\n", strings.TrimRight(line, " \n"))
	}
}

func (d *demo) printf(format string, args ...any) { _, _ = fmt.Fprintf(d.out, format, args...) }

func seconds(since time.Time) string { return fmt.Sprintf("%.1fs", time.Since(since).Seconds()) }
