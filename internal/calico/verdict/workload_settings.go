package verdict

import (
	"strconv"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// workloadSettings are what Felix is told about workloads at a node: each as one answer
// if it is known, and as several otherwise.
type workloadSettings struct {
	// toHost is what becomes of traffic to the own host that policies allow, in capitals.
	toHost []setting[string]
	// vxlanPorts are the ports of tunnels, and the others tell whether workloads may
	// build tunnels themselves.
	vxlanPorts                []setting[uint16]
	vxlanAllowed, ipipAllowed []setting[bool]
	// wireguard tells whether traffic between nodes is encrypted.
	wireguard []setting[bool]
}

const defaultVXLANPort = 4789

func (c *felixConfigs) workloadSettingsOf(node string) workloadSettings {
	var w workloadSettings
	w.toHost = settings(c, node, text("DefaultEndpointToHostAction", func(s *calico.FelixConfigurationSpec) string { return s.DefaultEndpointToHostAction }), "")
	for _, port := range settings(c, node, text("VXLANPort", func(s *calico.FelixConfigurationSpec) string {
		if s.VXLANPort == nil {
			return ""
		}
		return strconv.Itoa(*s.VXLANPort)
	}), "") {
		number, err := strconv.ParseUint(port.value, 10, 16)
		if err != nil {
			// Felix takes its default for what it cannot read.
			number = defaultVXLANPort
		}
		w.vxlanPorts = append(w.vxlanPorts, setting[uint16]{uint16(number), port.from})
	}
	w.vxlanAllowed = c.flag(node, "AllowVXLANPacketsFromWorkloads", func(s *calico.FelixConfigurationSpec) *bool { return s.AllowVXLANPacketsFromWorkloads }, false)
	w.ipipAllowed = c.flag(node, "AllowIPIPPacketsFromWorkloads", func(s *calico.FelixConfigurationSpec) *bool { return s.AllowIPIPPacketsFromWorkloads }, false)
	w.wireguard = c.flag(node, "WireguardEnabled", func(s *calico.FelixConfigurationSpec) *bool { return s.WireguardEnabled }, false)
	return w
}
