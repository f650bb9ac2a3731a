// Command demo shows the provider at work: `make demo`. It starts a real etcd,
// makes it a Calico datastore, and walks the whole of Calico's guide with a real
// CLI: the failsafe policy and a host endpoint, then the built-in failsafe ports
// off, and back. On the way, a plan tells what it does to traffic, and a mistake
// that would lock everybody out is refused. It fails where a second plan would change anything, or where
// the destroy leaves anything behind.
//
// With KEEP=1, it stops before the destroy, leaves etcd running and says how to
// go on by hand.
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
	err := d.run(ctx)
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

type demo struct {
	out  io.Writer
	keep bool

	dir       string
	cli       acctest.CLI
	etcd      *acctest.Etcd
	workspace *acctest.Workspace
	// before is what the datastore held before the apply.
	before []acctest.KeyValue
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
		if d.etcd != nil {
			d.etcd.Close()
		}
		_ = os.RemoveAll(d.dir)
	}()

	steps := []step{
		{"Find terraform or tofu", d.findCLI},
		{"Build the provider", d.buildProvider},
		{"Start etcd, a process of its own", d.startEtcd},
		{"Make it a datastore of Calico " + calicoVersion, d.prepare},
		{"Write a configuration", d.configure},
		{"Plan", d.plan},
		{"Apply that plan", d.apply},
		{"Plan again: nothing may be left to do", d.planAgain},
		{"Show what Calico finds in etcd now", d.show(2)},
		{"The guide's last step: switch Calico's own failsafe ports off", d.failsafePortsOff},
		{"Plan again: nothing may be left to do", d.planAgain},
		{"Show what is off, and that the rest of that object is as it was", d.showFelix},
		{"A new policy: the plan tells what it does to traffic", d.connectivity},
		{"A mistake in a new policy: the guard refuses it", d.lockout},
	}
	if !d.keep {
		steps = append(steps,
			step{"And back: the failsafe ports first", d.failsafePortsOn},
			step{"Destroy the rest", d.destroy},
			step{"See that nothing is left behind", d.compare},
			step{"Stop etcd", d.stop},
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

func (d *demo) startEtcd(ctx context.Context) (err error) {
	var options []acctest.EtcdOption
	if d.keep {
		options = append(options, acctest.WithOutliving())
	}
	d.etcd, err = acctest.StartEtcd(ctx, options...)
	if err == nil {
		d.printf("    process %s at %s\n", d.pids(), d.endpoints())
	}
	return err
}

func (d *demo) prepare(ctx context.Context) (err error) {
	if err := d.etcd.PrepareCalico(ctx, calicoVersion); err != nil {
		return err
	}
	if _, err := d.etcd.Write(ctx, felixKey, felix); err != nil {
		return err
	}
	d.before, err = d.etcd.Read(ctx, "")
	for _, kv := range d.before {
		d.printf("    %s\n", kv.Key)
	}
	return err
}

func (d *demo) configure(ctx context.Context) (err error) {
	main := fmt.Sprintf(configuration, acctest.ProviderSource, d.endpoints())
	d.workspace, err = acctest.MakeWorkspace(ctx, d.cli, d.provider(), d.dir, map[string]string{"main.tf": main})
	if err == nil {
		d.printf("    %s, run with the provider just built (dev_overrides):\n", filepath.Join(d.workspace.Dir, "main.tf"))
		d.quote(main)
	}
	return err
}

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

func (d *demo) showFelix(ctx context.Context) error {
	now, err := d.etcd.Read(ctx, felixKey)
	if err != nil {
		return err
	}
	want := strings.TrimSuffix(felix, "}}") + `,"failsafeInboundHostPorts":[],"failsafeOutboundHostPorts":[]}}`
	for _, kv := range now {
		d.printf("    %s (revision %d)\n", kv.Key, kv.Revision)
		d.quote(kv.Value)
		if kv.Value != want {
			return fmt.Errorf("more changed than the two lists: want\n%s", want)
		}
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
	before, err := d.etcd.Read(ctx, "")
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
	after, err := d.etcd.Read(ctx, "")
	if err != nil {
		return err
	}
	if !slices.Equal(before, after) {
		return errors.New("something was written all the same")
	}
	d.printf("    nothing was written: etcd is as it was, to the revision\n")
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
	now, err := d.etcd.Read(ctx, felixKey)
	if err != nil {
		return err
	}
	for _, kv := range now {
		if kv.Value != felix {
			return fmt.Errorf("%s is not what it was before: %s", kv.Key, kv.Value)
		}
	}
	d.printf("    %s holds, to the byte, what it held before\n", felixKey)
	return nil
}

// show prints what the apply of so many resources wrote.
func (d *demo) show(resources int) func(context.Context) error {
	return func(ctx context.Context) error { return d.showWritten(ctx, resources) }
}

func (d *demo) showWritten(ctx context.Context, resources int) error {
	now, err := d.etcd.Read(ctx, "")
	if err != nil {
		return err
	}
	written := 0
	for _, kv := range now {
		if slices.Contains(d.before, kv) {
			continue
		}
		written++
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, []byte(kv.Value), "", "  "); err != nil {
			return fmt.Errorf("%s does not hold JSON: %w", kv.Key, err)
		}
		d.printf("    %s (revision %d)\n", kv.Key, kv.Revision)
		d.quote(pretty.String())
	}
	if written != resources {
		return fmt.Errorf("the apply of %d resources changed %d keys of etcd", resources, written)
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
// revision of each key but that of Felix' configuration, which came back.
func (d *demo) compare(ctx context.Context) error {
	after, err := d.etcd.Read(ctx, "")
	if err != nil {
		return err
	}
	for i, kv := range after {
		// It was changed and changed back, so its revision is another.
		for _, before := range d.before {
			if kv.Key == felixKey && before.Key == felixKey && kv.Value == before.Value {
				after[i] = before
			}
		}
	}
	if slices.Equal(d.before, after) {
		d.printf("    etcd holds what it held before the apply: %d keys\n", len(after))
		return nil
	}
	var changed []string
	for _, kv := range after {
		if !slices.Contains(d.before, kv) {
			changed = append(changed, "left or changed: "+kv.Key)
		}
	}
	for _, kv := range d.before {
		if !slices.ContainsFunc(after, func(a acctest.KeyValue) bool { return a.Key == kv.Key }) {
			changed = append(changed, "gone: "+kv.Key)
		}
	}
	return fmt.Errorf("etcd is not as it was before the apply:\n%s", strings.Join(changed, "\n"))
}

func (d *demo) stop(context.Context) error {
	d.etcd.Close()
	return nil
}

func (d *demo) sayHowToGoOn() {
	d.printf(`
etcd goes on at %[1]s as process %[2]s. To go on by hand:

  cd %[3]s
  export TF_CLI_CONFIG_FILE=%[4]s
  %[5]s plan
  %[5]s apply      # after a change to main.tf; no init is needed
  %[5]s destroy

With a calicoctl of %[6]s, look at what is there, or change it and plan again:

  export DATASTORE_TYPE=etcdv3 ETCD_ENDPOINTS=%[1]s
  calicoctl get globalnetworkpolicy,hostendpoint -o yaml

To end it:

  kill %[2]s; rm -r %[7]s %[8]s
`,
		d.endpoints(), d.pids(), d.workspace.Dir, d.workspace.ConfigFile(), d.cli.Path, calicoVersion, d.dir, d.etcd.Dir())
}

func (d *demo) endpoints() string { return strings.Join(d.etcd.Endpoints, ",") }

func (d *demo) pids() string { return strings.Trim(fmt.Sprint(d.etcd.Pids()), "[]") }

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
