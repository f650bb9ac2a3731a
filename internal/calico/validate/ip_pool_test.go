package validate

import (
	"reflect"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
)

func TestValidateIPPool(t *testing.T) {
	type spec = v3.IPPoolSpec
	for _, tt := range []struct {
		name string
		edit func(*spec)
		want []fault
	}{
		{"plain", func(*spec) {}, nil},
		{"IPv6", func(s *spec) { s.CIDR, s.BlockSize = "FD00::/64", 116 }, nil},
		{"no network", func(s *spec) { s.CIDR = "" }, []fault{at("spec.cidr", "Calico wants an IPv4 or IPv6 network"), at("spec.cidr", "needs the network")}},
		{"host bits", func(s *spec) { s.CIDR = "10.48.0.1/16" }, []fault{at("spec.cidr", `write "10.48.0.0/16"`)}},
		{"address", func(s *spec) { s.CIDR = "10.48.0.1" }, []fault{at("spec.cidr", `prefix length here: write "10.48.0.1/32"`)}},
		{"link-local", func(s *spec) { s.CIDR = "169.254.0.0/20" }, []fault{at("spec.cidr", "link-local")}},
		{"small", func(s *spec) { s.CIDR = "10.48.0.0/28" }, []fault{in("spec", "spec.cidr", "smaller than one of its blocks (/26)")}},
		{"small and disabled", func(s *spec) { s.CIDR, s.Disabled = "10.48.0.0/28", true }, nil},
		{"block", func(s *spec) { s.BlockSize = 33 }, []fault{in("spec", "spec.blockSize", "from 20 to 32")}},
		{"mode", func(s *spec) { s.VXLANMode = "always" }, []fault{at("spec.vxlanMode", `write "Always".`)}},
		{"two modes", func(s *spec) { s.VXLANMode, s.IPIPMode = "Always", "CrossSubnet" }, []fault{in("spec", "spec.vxlanMode", "Only one")}},
		{"IPIP on IPv6", func(s *spec) { s.CIDR, s.IPIPMode = "fd00::/64", "Always" }, []fault{in("spec", "spec.ipipMode", `write "Never"`)}},
		{"use", func(s *spec) { s.AllowedUses = []v3.IPPoolAllowedUse{"workload"} }, []fault{at("spec.allowedUses[0]", `write "Workload".`)}},
		{"selector", func(s *spec) { s.NodeSelector = "a = 'b'" }, []fault{at("spec.nodeSelector", "cannot read")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range objecttest.Releases {
				p := objecttest.IPPool()
				tt.edit(&p.Spec)
				calico.Default(p, r)
				checkFaults(t, p, r, tt.want...)
			}
		})
	}
}

func TestValidateIPPoolByRelease(t *testing.T) {
	for size, faulty := range map[int]bool{-1: true, 0: false, 33: false, 128: false, 129: true} {
		p := objecttest.IPPool()
		p.Spec.CIDR, p.Spec.BlockSize = "10.48.0.0/16 ", size
		network := at("spec.cidr", `write "10.48.0.0/16"`)
		checkFaults(t, p, objecttest.V3310, network)
		if faulty {
			checkFaults(t, p, objecttest.V3320, network, at("spec.blockSize", "up to 128"))
		} else {
			checkFaults(t, p, objecttest.V3320, network)
		}
	}
	none := v3.NewIPPool()
	none.Name, none.Spec.BlockSize = "pods", -1
	checkFaults(t, none, objecttest.V3320, at("spec.cidr", "Calico wants"), at("spec.cidr", "needs the network"), at("spec.blockSize", "up to 128"))
	p := objecttest.IPPool()
	p.Spec.AllowedUses = []v3.IPPoolAllowedUse{v3.IPPoolAllowedUseLoadBalancer}
	calico.Default(p, objecttest.V3285)
	checkFaults(t, p, objecttest.V3285, at("spec.allowedUses[0]", `"Workload" or "Tunnel"`))
	calico.Default(p, objecttest.V3310)
	checkFaults(t, p, objecttest.V3310)
	p.Spec.DisableBGPExport, p.Spec.NodeSelector, p.Spec.IPIPMode = true, "has(a)", "Always"
	checkFaults(t, p, objecttest.V3310, in("spec", "spec.ipipMode", "no encapsulation"), in("spec", "spec.disableBGPExport", "exports"), in("spec", "spec.nodeSelector", "all()"))

	p = objecttest.IPPool()
	p.Spec.NamespaceSelector = "global( )"
	calico.Default(p, objecttest.V3302)
	checkFaults(t, p, objecttest.V3302, at("spec.namespaceSelector", "which came with v3.31.0"))
	checkFaults(t, p, objecttest.V3310, in("spec", "spec.namespaceSelector", "tunnels"), at("spec.namespaceSelector", "all()"))
}

func TestDefaultIPPool(t *testing.T) {
	p := objecttest.IPPool()
	p.Spec.CIDR = "FD00::/64"
	want := p.DeepCopy()
	want.Spec = v3.IPPoolSpec{
		CIDR: "fd00::/64", VXLANMode: "Never", IPIPMode: "Never", BlockSize: 122, NodeSelector: "all()",
		AllowedUses: []v3.IPPoolAllowedUse{"Workload", "Tunnel"},
	}
	calico.Default(p, objecttest.V3285)
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, want %+v", p.Spec, want.Spec)
	}
	want.Spec.AssignmentMode = ptr(v3.Automatic)
	calico.Default(p, objecttest.V3310)
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, want %+v", p.Spec, want.Spec)
	}
	// What is wrong stays, for Validate to find.
	p.Spec.CIDR = "10.0.0.1/8"
	calico.Default(p, objecttest.V3310)
	if p.Spec.CIDR != "10.0.0.1/8" {
		t.Errorf("the host bits are gone: %s", p.Spec.CIDR)
	}
}

func TestOverlappingPool(t *testing.T) {
	pool, other, broken := objecttest.IPPool(), objecttest.IPPool(), objecttest.IPPool()
	other.Name, other.Spec.CIDR = "other", "10.49.0.0/16"
	broken.Name, broken.Spec.CIDR = "broken", "x"
	all := []*v3.IPPool{pool, broken, other}
	if name := OverlappingPool(pool, all); name != "" {
		t.Errorf("got %q, want none", name)
	}
	other.Spec.CIDR = "10.0.0.0/8"
	if name := OverlappingPool(pool, all); name != "other" {
		t.Errorf("got %q, want other", name)
	}
}

func TestValidateIPReservation(t *testing.T) {
	r := v3.NewIPReservation()
	r.Name = "a"
	r.Spec.ReservedCIDRs = []string{"10.0.0.1", "10.0.0.1/8", "2001:DB8::/32"}
	checkFaults(t, r, objecttest.V3310)
	r.Spec.ReservedCIDRs = []string{"10.0.0.1", "10.0.0.1/33"}
	checkFaults(t, r, objecttest.V3310, at("spec.reservedCIDRs[1]", "network here"))
}
