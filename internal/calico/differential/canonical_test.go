package differential

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// TestDifferentialCanonical asks Calico in which form it stores each port and
// protocol of the pools that it accepts: it must be what we call canonical.
// (TestDifferentialSelectors does so for selectors. Networks and addresses Calico
// stores as they are spelled: it is Felix that takes two spellings for one.)
func TestDifferentialCanonical(t *testing.T) {
	for _, release := range oracleReleases() {
		t.Run(release.tool, func(t *testing.T) {
			t.Parallel()
			o := startOracle(t, release)
			compared, changed := 0, 0
			compare := func(what, text string, rule object, canonical string) {
				stored, ok := o.storedRule(t, rule)
				if !ok {
					return
				}
				got := stored.Protocol
				if what == "port" {
					got = stored.Destination.Ports[0]
				}
				compared++
				if canonical != text {
					changed++
				}
				if fmt.Sprint(got) != canonical {
					t.Errorf("%s %q is stored as %v, and canonical is %q", what, text, got, canonical)
				}
			}
			for _, port := range slices.Concat(ports, badPorts, unreadablePorts) {
				if text := fmt.Sprint(port); port != nil {
					compare("port", text, object{"action": "Allow", "protocol": "TCP", "destination": object{"ports": []any{port}}}, calico.CanonicalPort(text))
				}
			}
			for _, protocol := range slices.Concat(protocols, badProtocols, unreadableProtocols) {
				if text := fmt.Sprint(protocol); protocol != nil {
					compare("protocol", text, object{"action": "Allow", "protocol": protocol}, calico.CanonicalProtocol(text))
				}
			}
			if compared < 30 || changed < 4 {
				t.Errorf("compared only %d texts, of which %d are not canonical", compared, changed)
			}
		})
	}
}

// storedRule is what is read of a rule that Calico stores.
type storedRule struct {
	Protocol    any `json:"protocol"`
	Destination struct {
		Ports []any `json:"ports"`
	} `json:"destination"`
}

// storedRule asks what a policy with the rule is stored as; not ok where it is refused.
func (o *oracle) storedRule(t *testing.T, rule object) (stored storedRule, ok bool) {
	t.Helper()
	var answer checked
	o.ask(t, newCheckRequest(o.release, manifest{kind: calico.KindGlobalNetworkPolicy, tree: object{
		"kind": "GlobalNetworkPolicy", "apiVersion": apiVersion, "metadata": object{"name": "p"}, "spec": object{"ingress": []any{rule}},
	}}), &answer)
	if !answer.Valid {
		return storedRule{}, false
	}
	var policy struct {
		Spec struct {
			Ingress []storedRule `json:"ingress"`
		} `json:"spec"`
	}
	if err := json.Unmarshal([]byte(answer.Stored), &policy); err != nil {
		t.Fatal(err)
	}
	return policy.Spec.Ingress[0], true
}
