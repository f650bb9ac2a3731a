package acceptance

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

// plannedChange is what a plan does to one object.
type plannedChange struct {
	// actions are such as "delete create".
	actions string
	// changed names the attributes that change, or may.
	changed []string
	// unknown names those whose new value, or a part of it, is not known.
	unknown []string
}

func plannedOf(req plancheck.CheckPlanRequest, address string) plannedChange {
	var p plannedChange
	for _, r := range req.Plan.ResourceChanges {
		if r.Address != address {
			continue
		}
		p.actions = strings.Trim(fmt.Sprint(r.Change.Actions), "[]")
		before, _ := r.Change.Before.(map[string]any)
		after, _ := r.Change.After.(map[string]any)
		unknown, _ := r.Change.AfterUnknown.(map[string]any)
		names := map[string]bool{}
		for _, m := range []map[string]any{before, after, unknown} {
			for name := range m {
				names[name] = true
			}
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if isUnknown(unknown[name]) {
				p.unknown = append(p.unknown, name)
			}
			if isUnknown(unknown[name]) || !reflect.DeepEqual(before[name], after[name]) {
				p.changed = append(p.changed, name)
			}
		}
	}
	return p
}

func isUnknown(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case []any:
		return slices.ContainsFunc(v, isUnknown)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), isUnknown)
	default:
		return false
	}
}

// does answers an error if a plan does something else.
func (p plannedChange) does(actions string) error {
	if p.actions != actions {
		return fmt.Errorf("the plan is to %q, and not to %q", p.actions, actions)
	}
	return nil
}

// updatesJust answers an error if a plan does not update these attributes, all of them
// and no others but those that are derived, with values that are known.
func (p plannedChange) updatesJust(attributes, derived []string) error {
	if err := p.does("update"); err != nil {
		return err
	}
	changed := slices.DeleteFunc(slices.Clone(p.changed), func(name string) bool { return slices.Contains(derived, name) })
	if !slices.Equal(changed, attributes) {
		return fmt.Errorf("the plan is to update %q, and not %q", changed, attributes)
	}
	if len(p.unknown) > 0 {
		return fmt.Errorf("the plan does not know %q", p.unknown)
	}
	return nil
}

// hasUnknown answers an error if a plan knows one of these attributes: then a test with
// unknown values tests nothing.
func (p plannedChange) hasUnknown(attributes []string) error {
	for _, name := range attributes {
		if !slices.Contains(p.unknown, name) {
			return fmt.Errorf("%s is known in the plan", name)
		}
	}
	return nil
}

// planCheck is a function as a plan check. It is given what is planned for the
// object of a number.
type planCheck func(planned func(i int) plannedChange) error

// before makes it the check of the plan that is then applied.
func (check planCheck) before(r row) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{rowPlanCheck{r, check}}}
}

type rowPlanCheck struct {
	row   row
	check planCheck
}

// CheckPlan implements plancheck.PlanCheck.
func (c rowPlanCheck) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	resp.Error = c.check(func(i int) plannedChange { return plannedOf(req, c.row.address(i)) })
}

// unknowns makes values that are not known before they are applied, of values
// that are.
type unknowns struct {
	generation int
	// resources is what the values come from.
	resources string
}

func (u *unknowns) value(label, known string) string {
	input, output := known, "terraform_data."+label+".output"
	if known == "" {
		// The output of null is known. The ID is not.
		input, output = "null", "terraform_data."+label+".id == \"\" ? \"\" : null"
	}
	u.resources += fmt.Sprintf("\nresource \"terraform_data\" %q {\n  triggers_replace = %d\n  input = %s\n}\n", label, u.generation, input)
	return output
}
