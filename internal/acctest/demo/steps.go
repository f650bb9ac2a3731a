package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

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
