package connectivity

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/traffic"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/codec"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// maxResults is how many results stay apart: more are slow for Terraform to read, and no
// reviewer reads them.
const maxResults = 2_000

// askEndpoints asks for the flows at workloads and between endpoints.
func (a *findings) askEndpoints(before, after *scene, flows []askedFlow, chosen *traffic.Selection, unknown string, diags *diag.Diagnostics) {
	var all []traffic.Flow
	var asked []askedFlow
	for _, flow := range flows {
		if one, ok := flow.Between(chosen); ok {
			all, asked = append(all, one), append(asked, flow)
		}
	}
	if len(all) == 0 {
		return
	}
	question := traffic.NewQuestion(before.world, after.world, all)
	for i, flow := range asked {
		if unknown != "" && (all[i].From.Workloads || all[i].To.Workloads) {
			a.results = append(a.results, flowResult{flow: flow, group: true, after: judgement{flowUndecided, safetext.Line(unknown)}})
			continue
		}
		answers, err := question.Ask(all[i])
		var tooMany *traffic.TooManyError
		if errors.As(err, &tooMany) {
			diags.AddAttributeError(flow.at, "Too Many Endpoints to Ask For",
				fmt.Sprintf("%s is about %d pairs of groups of endpoints that rules can tell apart, and %d is the most. Ask about fewer endpoints, with endpoint_selector, namespaces or namespace_selector, or divide the flow.", flow, tooMany.Pairs, traffic.MaxPairs))
			return
		}
		rows := rowsOfAnswers(answers, flow, before, after)
		if !slices.ContainsFunc(rows, func(r flowResult) bool { return r.after.verdict != "" }) {
			a.results = append(a.results, flowResult{flow: flow, group: true, after: judgement{flowUndecided, "no endpoint is chosen for it, or none at its other end"}})
			diags.AddAttributeWarning(flow.at, "No Endpoint to Ask For",
				fmt.Sprintf("Nothing is known about %s, so it counts as undecided: no endpoint that there is, or is in changes, is chosen for it, or none at its other end. Check the selectors and namespaces.", flow))
		}
		// What will be is told in the same rows before the changes and after.
		known := map[string]int{}
		for _, r := range rows {
			if r.after.verdict == "" {
				a.dropped = append(a.dropped, r)
				continue
			}
			a.details = append(a.details, r)
			key := strings.Join([]string{r.endpoint, r.from, r.after.verdict, r.after.decidedBy}, "\x00")
			if i, ok := known[key]; ok {
				a.results[i].count += r.count
				continue
			}
			known[key] = len(a.results)
			a.results = append(a.results, r)
		}
	}
	a.results = bounded(a.results)
	a.hosts, a.workloads = question.Endpoints()
	a.ofWorkloads = true
}

// bounded joins results of workloads if there are too many of them: first those of one
// namespace that fare alike, then those of one flow that fare alike for different reasons, and
// at last even those that are unexpected.
func bounded(results []flowResult) []flowResult {
	namespace := func(name string) string {
		before, _, _ := strings.Cut(name, "/")
		return before
	}
	for level := range 3 {
		if len(results) <= maxResults {
			break
		}
		var joined []flowResult
		known := map[string]int{}
		others := map[int]int{}
		for _, r := range results {
			apart := !r.group || level == 1 && r.unexpected()
			key := []string{r.flow.Key(), r.flow.expect, r.before, r.after.verdict}
			if level == 0 && r.group {
				r.endpoint, r.from = namespace(r.endpoint), namespace(r.from)
				key = append(key, r.endpoint, r.from, r.after.decidedBy)
			}
			i, ok := known[strings.Join(key, "\x00")]
			if apart || !ok {
				if !apart {
					known[strings.Join(key, "\x00")] = len(joined)
				}
				joined = append(joined, r)
				continue
			}
			joined[i].count += r.count
			others[i]++
		}
		for i, n := range others {
			if level > 0 {
				joined[i].endpoint += fmt.Sprintf(" and %d more", n)
				if joined[i].after.decidedBy != "" { // else they go
					joined[i].after.decidedBy += fmt.Sprintf(" (and other causes for %d more)", n)
				}
			}
		}
		results = joined
	}
	return results
}

// rowsOfAnswers joins the answers that are told in the same words.
func rowsOfAnswers(answers []traffic.Answer, flow askedFlow, before, after *scene) []flowResult {
	var rows []flowResult
	known := map[string]int{}
	for _, answer := range answers {
		r := flowResult{
			endpoint: answer.To, from: answer.From, count: answer.Count, group: true, flow: flow,
			after: after.judgeCourse(answer, answer.After), before: before.judgeCourse(answer, answer.Before).verdict,
		}
		if flow.From == nil {
			r.from = ""
			if flow.Traffic.Direction == verdict.Egress {
				r.endpoint = answer.From
			}
		}
		key := strings.Join([]string{r.endpoint, r.from, r.before, r.after.verdict, r.after.decidedBy}, "\x00")
		if i, ok := known[key]; ok {
			rows[i].count += r.count
			continue
		}
		known[key] = len(rows)
		rows = append(rows, r)
	}
	return rows
}

// judgeCourse tells what becomes of a connection, and where that is decided; nothing if there
// is none.
func (s *scene) judgeCourse(answer traffic.Answer, course *verdict.Course) judgement {
	if course == nil {
		return judgement{}
	}
	for _, ep := range answer.Ends {
		if ep != nil && ep.Workload == nil && s.instead[ep.Name] != nil {
			return s.ignored(ep.Name)
		}
	}
	j := judged(course.Verdict)
	switch {
	case course.At == verdict.OnTheWay && course.Endpoint != nil:
		j.decidedBy = safetext.Line(fmt.Sprintf("%s, at %s: ", course.At, course.Endpoint)) + j.decidedBy
	case course.At != verdict.Nowhere:
		j.decidedBy = course.At.String() + ": " + j.decidedBy
	}
	return j
}

// namespaceLabels returns the labels that namespaces will have. As in every map, a key whose
// value is null is not there.
func (m *dataSourceModel) namespaceLabels(diags *diag.Diagnostics) map[string]map[string]string {
	all := map[string]map[string]string{}
	for name, v := range m.NamespaceLabels.Elements() {
		labels, ok := v.(types.Map)
		if !ok || labels.IsNull() {
			at := path.Root("namespace_labels").AtMapKey(name)
			diags.AddAttributeError(at, "No Labels", fmt.Sprintf("%s: null says nothing about the labels of the namespace. Give {} for none, or leave the namespace out.", at))
			continue
		}
		all[name] = map[string]string{"kubernetes.io/metadata.name": name}
		for key, value := range labels.Elements() {
			if !value.IsNull() {
				all[name][key] = codec.Text(value)
			}
		}
	}
	return all
}

// layNamespaces gives namespaces the labels that they will have: workloads have them by the
// profiles of their namespaces.
func (m *dataSourceModel) layNamespaces(objects map[calico.ID]calico.Object, diags *diag.Diagnostics) {
	all := m.namespaceLabels(diags)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		labels := all[name]
		profile := (&cluster.Namespace{Metadata: cluster.Meta{Name: name, Labels: labels}}).Profile()
		id := calico.IDOf(profile).Short()
		if objects[id] == nil {
			at := path.Root("namespace_labels").AtMapKey(name)
			diags.AddAttributeWarning(at, "Namespace Not Known", fmt.Sprintf("%s: there is no namespace %q. If this plan creates it, nothing is wrong; otherwise check its name.", at, name))
		}
		if stored, ok := objects[id].(*v3.Profile); ok {
			own := profile.Spec.LabelsToApply
			profile = stored.DeepCopy()
			maps.DeleteFunc(profile.Spec.LabelsToApply, func(key, _ string) bool { return strings.HasPrefix(key, cluster.NamespaceLabelPrefix) })
			if profile.Spec.LabelsToApply == nil {
				profile.Spec.LabelsToApply = map[string]string{}
			}
			maps.Copy(profile.Spec.LabelsToApply, own)
		}
		objects[id] = profile
	}
}

// adviseNamespaces tells of namespaces that are named and are not there.
func (m *dataSourceModel) adviseNamespaces(stored map[calico.ID]calico.Object, flows []askedFlow, diags *diag.Diagnostics) {
	tell := func(at path.Path, names []string) {
		for _, name := range names {
			if stored[calico.ID{Kind: calico.KindProfile, Name: cluster.NamespaceProfileName(name)}] == nil {
				diags.AddAttributeWarning(at, "Namespace Not Known", fmt.Sprintf("%s: there is no namespace %q, so that nothing of it is asked for. Check its name.", at, name))
			}
		}
	}
	var names []string
	for _, e := range codec.Elements(m.Namespaces) {
		names = append(names, codec.Text(e))
	}
	tell(path.Root("namespaces"), names)
	for _, flow := range flows {
		if flow.From != nil {
			tell(flow.at.AtName("from").AtName("namespaces"), flow.From.Namespaces)
			tell(flow.at.AtName("to").AtName("namespaces"), flow.To.Namespaces)
		}
	}
}

// adviseSelection tells of a choice of endpoints that no flow makes use of.
func (m *dataSourceModel) adviseSelection(flows []askedFlow, diags *diag.Diagnostics) {
	if slices.ContainsFunc(flows, func(f askedFlow) bool { return f.From == nil }) {
		return
	}
	for _, one := range []struct {
		name  string
		value attr.Value
	}{{"endpoint_kinds", m.EndpointKinds}, {"endpoint_selector", m.EndpointSelector}, {"namespaces", m.Namespaces}, {"namespace_selector", m.NamespaceSelector}} {
		if given(one.value) {
			diags.AddAttributeWarning(path.Root(one.name), "Selection Not Used", one.name+" chooses endpoints for flows with cidr, and every flow has from and to, which choose their own: leave it out.")
		}
	}
}
