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
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
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

// configuration is what a datacenter begins with. Its verbs are the provider's
// address, and the blocks that the datastore gives.
const configuration = `terraform {
  required_providers {
    calico = {
      source = "%s"
    }
  }
}

provider "calico" {
%s
  # SSH from the management network must go on working.
  lockout_guard {
    mode = "error"
  }
}

resource "calico_failsafe_policy" "this" {
  management_cidrs = ["10.1.0.0/24"]

%s}

resource "calico_host_endpoint" "db1" {
  name           = "db1-eth0"
  node           = "db1"
  interface_name = "eth0"
  expected_ips   = ["10.3.0.21"]

  labels = {
    role = "database"
  }

  # The endpoint is what makes Calico enforce anything on the host: the policy
  # that keeps the way in open is created first, and destroyed last.
  depends_on = [calico_failsafe_policy.this]
}
`

// mistakeFile is a policy that is meant for a few hosts, and comes before the failsafe
// policy for all of them.
const (
	mistakeFile          = "quarantine.tf"
	mistakeConfiguration = `resource "calico_global_network_policy" "quarantine" {
  name     = "quarantine"
  order    = -1
  selector = "has(role)"

  ingress {
    action = "Deny"
  }
}
`
)

// connectivityFile is a change for review, with the questions of its reviewer.
const (
	connectivityFile          = "database.tf"
	connectivityConfiguration = `resource "calico_global_network_policy" "database" {
  name     = "database"
  order    = 100
  selector = "role == 'database'"

  ingress {
    action   = "Allow"
    protocol = "TCP"

    source {
      nets = ["10.4.0.0/16"]
    }
    destination {
      ports = [5432]
    }
  }
}

locals {
  planned = [
    calico_failsafe_policy.this.object,
    calico_host_endpoint.db1.object,
    calico_felix_configuration.default.object,
    calico_global_network_policy.database.object,
  ]
}

data "calico_connectivity" "plan" {
  flow {
    name   = "SSH"
    port   = 22
    cidr   = "10.1.0.0/24"
    expect = "allow"
  }
  flow {
    name   = "SSH from elsewhere"
    port   = 22
    cidr   = "203.0.113.0/24"
    expect = "deny"
  }
  flow {
    name   = "database"
    port   = 5432
    cidr   = "10.4.0.0/16"
    expect = "allow"
  }
  flow {
    name   = "database from elsewhere"
    port   = 5432
    cidr   = "203.0.113.0/24"
    expect = "deny"
  }

  changes = local.planned
}

output "connectivity" {
  value = data.calico_connectivity.plan.changes_report
}
`
)

// felixSpec is the configuration of Felix as calico-node leaves it, and somebody's
// own setting in it.
const felixSpec = `{"bpfLogLevel":"","floatingIPs":"Disabled","healthPort":9199,"logSeverityScreen":"Info","reportingInterval":"0s"}`

// failsafeFile is the last step of the guide.
const (
	failsafeFile          = "failsafe_ports.tf"
	failsafeConfiguration = `resource "calico_felix_configuration" "default" {
  name                         = "default"
  failsafe_inbound_host_ports  = []
  failsafe_outbound_host_ports = []

  # Created last, and destroyed first.
  depends_on = [calico_failsafe_policy.this, calico_host_endpoint.db1]
}
`
)

const planFile = "demo.tfplan"

func (d *demo) plan(ctx context.Context) error {
	changes, text, err := d.workspace.Plan(ctx, "-out="+planFile)
	d.cliSays(text)
	if err == nil && !changes {
		return errors.New("there is nothing to create: the datastore is not empty, or the provider does not see that")
	}
	return err
}

func (d *demo) apply(ctx context.Context) error {
	text, err := d.workspace.RunContext(ctx, "apply", planFile)
	d.cliSays(text)
	return err
}

func (d *demo) planAgain(ctx context.Context) error {
	changes, text, err := d.workspace.Plan(ctx)
	d.cliSays(text)
	if err == nil && changes {
		return errors.New("right after the apply, a plan would change something again: that is a bug of the provider")
	}
	return err
}

// failsafePortsOff adds the last resource and applies it.
func (d *demo) failsafePortsOff(ctx context.Context) error {
	if err := d.workspace.WriteFile(failsafeFile, failsafeConfiguration); err != nil {
		return err
	}
	d.printf("    %s:\n", filepath.Join(d.workspace.Dir, failsafeFile))
	d.quote(failsafeConfiguration)
	if err := d.plan(ctx); err != nil {
		return err
	}
	return d.apply(ctx)
}

// stored returns the object that is stored in a place.
func (d *demo) stored(ctx context.Context, where string) (object, error) {
	now, err := d.datastore.objects(ctx)
	if err != nil {
		return object{}, err
	}
	return find(now, where)
}

func find(all []object, where string) (object, error) {
	i := slices.IndexFunc(all, func(o object) bool { return o.where == where })
	if i < 0 {
		return object{}, fmt.Errorf("there is no %s", where)
	}
	return all[i], nil
}

func (d *demo) showFelix(ctx context.Context) error {
	before, err := find(d.before, d.datastore.felix())
	if err != nil {
		return err
	}
	now, err := d.stored(ctx, d.datastore.felix())
	if err != nil {
		return err
	}
	d.printf("    %s (revision %s)\n", now.where, now.revision)
	d.quote(now.value)
	if want := d.datastore.withoutPorts(before.value); now.value != want {
		return fmt.Errorf("more changed than the two lists: want\n%s", want)
	}
	return nil
}

// connectivity plans a change and shows what it does, without applying it.
func (d *demo) connectivity(ctx context.Context) error {
	if err := d.workspace.WriteFile(connectivityFile, connectivityConfiguration); err != nil {
		return err
	}
	d.printf("    %s:\n", filepath.Join(d.workspace.Dir, connectivityFile))
	d.quote(connectivityConfiguration)
	if _, err := d.workspace.RunContext(ctx, "plan", "-out="+planFile); err != nil {
		return err
	}
	text, err := d.workspace.RunContext(ctx, "show", "-json", planFile)
	if err != nil {
		return err
	}
	var plan struct {
		PlannedValues struct {
			Outputs struct {
				Connectivity struct {
					Value string `json:"value"`
				} `json:"connectivity"`
			} `json:"outputs"`
		} `json:"planned_values"`
	}
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		return err
	}
	report := plan.PlannedValues.Outputs.Connectivity.Value
	d.printf("    the output \"connectivity\" of the plan, for the comment on the pull request:\n")
	d.quote(report)
	const want = "**1 of 4 flows changed.**"
	if !strings.HasPrefix(report, want) {
		return fmt.Errorf("the report does not begin with %q", want)
	}
	// It was a proposal.
	return d.workspace.WriteFile(connectivityFile, "")
}

// lockout plans a change that would lock everybody out, which has to fail.
func (d *demo) lockout(ctx context.Context) error {
	before, err := d.datastore.objects(ctx)
	if err != nil {
		return err
	}
	if err := d.workspace.WriteFile(mistakeFile, mistakeConfiguration); err != nil {
		return err
	}
	d.printf("    apply with %s:\n", mistakeFile)
	d.quote(mistakeConfiguration)
	_, err = d.workspace.RunContext(ctx, "apply", "-auto-approve")
	var refused *acctest.CLIError
	if !errors.As(err, &refused) {
		return fmt.Errorf("the guard let it pass: %w", err)
	}
	text := refused.Stderr
	d.cliSays(text)
	if !strings.Contains(text, "Change Would Cut Off Guarded Traffic") || !strings.Contains(text, "db1-eth0") {
		return errors.New("it was refused, but not by the guard")
	}
	after, err := d.datastore.objects(ctx)
	if err != nil {
		return err
	}
	if !slices.Equal(before, after) {
		return errors.New("something was written all the same")
	}
	d.printf("    nothing was written: %s is as it was, to the revision\n", d.datastore.name())
	return d.workspace.WriteFile(mistakeFile, "")
}

// failsafePortsOn takes the last resource away again.
func (d *demo) failsafePortsOn(ctx context.Context) error {
	if err := d.workspace.WriteFile(failsafeFile, ""); err != nil {
		return err
	}
	if err := d.plan(ctx); err != nil {
		return err
	}
	if err := d.apply(ctx); err != nil {
		return err
	}
	before, err := find(d.before, d.datastore.felix())
	if err != nil {
		return err
	}
	now, err := d.stored(ctx, before.where)
	if err != nil {
		return err
	}
	if now.value != before.value {
		return fmt.Errorf("%s is not what it was before: %s", now.where, now.value)
	}
	d.printf("    %s holds, to the byte, what it held before\n", now.where)
	return nil
}

// show prints what the apply wrote: one object for each resource.
func (d *demo) show(ctx context.Context) error {
	resources, err := d.workspace.RunContext(ctx, "state", "list")
	if err != nil {
		return err
	}
	now, err := d.datastore.objects(ctx)
	if err != nil {
		return err
	}
	written := 0
	for _, o := range now {
		if slices.Contains(d.before, o) {
			continue
		}
		written++
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, []byte(o.value), "", "  "); err != nil {
			return fmt.Errorf("%s does not hold JSON: %w", o.where, err)
		}
		d.printf("    %s (revision %s)\n", o.where, o.revision)
		d.quote(pretty.String())
	}
	if want := len(strings.Fields(resources)); written != want {
		return fmt.Errorf("the apply of %d resources changed %d objects in %s", want, written, d.datastore.name())
	}
	return nil
}

func (d *demo) destroy(ctx context.Context) error {
	text, err := d.workspace.RunContext(ctx, "destroy", "-auto-approve")
	// What it lists first is what was shown above, with other signs before it.
	if i := strings.LastIndex(text, "\nPlan: "); i >= 0 {
		text = text[i:]
	}
	d.cliSays(text)
	return err
}

// compare makes sure that the datastore is as it was before the apply, to the
// revision of each object but that of Felix' configuration, which came back.
func (d *demo) compare(ctx context.Context) error {
	name := d.datastore.name()
	after, err := d.datastore.objects(ctx)
	if err != nil {
		return err
	}
	for i, o := range after {
		// It was changed and changed back, so its revision is another.
		for _, before := range d.before {
			if o.where == d.datastore.felix() && before.where == o.where && o.value == before.value {
				after[i] = before
			}
		}
	}
	if slices.Equal(d.before, after) {
		d.printf("    %s holds what it held before the apply: %d objects\n", name, len(after))
		if text := d.datastore.remains(); text != "" {
			d.printf("    %s\n", text)
		}
		return nil
	}
	var changed []string
	for _, o := range after {
		if !slices.Contains(d.before, o) {
			changed = append(changed, "left or changed: "+o.where)
		}
	}
	for _, o := range d.before {
		if _, err := find(after, o.where); err != nil {
			changed = append(changed, "gone: "+o.where)
		}
	}
	return fmt.Errorf("%s is not as it was before the apply:\n%s", name, strings.Join(changed, "\n"))
}

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
