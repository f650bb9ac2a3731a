package verdict

import (
	"slices"

	"github.com/projectcalico/api/pkg/lib/numorstring"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// Policies returns the policies that apply to an endpoint in either direction, in
// the order in which they are asked.
func (w *World) Policies(ep *Endpoint) []calico.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []calico.ID
	for _, directions := range w.programOf(ep.labels) {
		for _, runs := range directions {
			for _, run := range runs {
				for _, p := range run.policies {
					if !slices.Contains(out, p.id) {
						out = append(out, p.id)
					}
				}
			}
		}
	}
	return out
}

// HasPorts tells whether flows of a protocol have ports.
func HasPorts(p numorstring.Protocol) bool {
	number, ok := protocolNumber(p)
	return ok && hasPorts(number)
}

// IsICMP tells whether flows of a protocol have ICMP types and codes.
func IsICMP(p numorstring.Protocol) bool {
	number, ok := protocolNumber(p)
	return ok && isICMP(number)
}

// KnownProtocol tells whether a flow can be of the protocol: by a name that
// Calico knows, or a number from 1 to 255.
func KnownProtocol(p numorstring.Protocol) bool {
	number, ok := protocolNumber(p)
	return ok && number != 0
}
