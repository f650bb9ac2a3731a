package connectivity

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico/traffic"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/verdict"
)

// askHosts asks for the flows with a network at each host endpoint.
func askHosts(answer *findings, before, after *scene, flows []askedFlow, chosen *traffic.Selection, diags *diag.Diagnostics) {
	ofHosts := traffic.Selection{Hosts: true, Labels: chosen.Labels}
	asks := func(flow askedFlow, endpoint *verdict.Endpoint) bool {
		return flow.From == nil && ofHosts.Chooses(endpoint) && flow.WatchedAt(endpoint)
	}
	asked := make([]bool, len(flows))
	for _, endpoint := range after.world.Endpoints() {
		for i, flow := range flows {
			if !asks(flow, endpoint) {
				continue
			}
			asked[i] = true
			result := flowResult{endpoint: endpoint.Name, count: 1, flow: flow, after: after.judge(endpoint, flow.Traffic)}
			if old, existed := before.world.Endpoint(endpoint.Name); existed {
				result.before = before.judge(old, flow.Traffic).verdict
			}
			answer.results = append(answer.results, result)
		}
	}
	for _, old := range before.world.Endpoints() {
		endpoint, stays := after.world.Endpoint(old.Name)
		for _, flow := range flows {
			if !asks(flow, old) || stays && asks(flow, endpoint) {
				continue
			}
			result := flowResult{endpoint: old.Name, count: 1, flow: flow, before: before.judge(old, flow.Traffic).verdict}
			if stays {
				result.after = after.judge(endpoint, flow.Traffic)
			}
			answer.dropped = append(answer.dropped, result)
		}
	}
	for i, flow := range flows {
		if flow.From == nil && !asked[i] {
			diags.AddAttributeWarning(flow.at, "No Host Endpoint to Ask For",
				fmt.Sprintf("Nothing is known about %s: no host endpoint that is stored or in changes is selected for it. Check endpoint_selector, or pass the host endpoints of this plan in changes.", flow))
		}
	}
}
