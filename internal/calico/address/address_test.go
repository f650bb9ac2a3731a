package address

import "testing"

func TestNetAndBare(t *testing.T) {
	for text, want := range map[string]struct {
		net, bare string
		v6        bool
	}{
		"10.1.2.3":        {"10.1.2.3/32", "10.1.2.3", false},
		"10.1.2.3/32":     {"10.1.2.3/32", "10.1.2.3", false},
		"10.1.0.0/24":     {"10.1.0.0/24", "10.1.0.0/24", false},
		"2001:db8::1":     {"2001:db8::1/128", "2001:db8::1", true},
		"2001:db8::1/128": {"2001:db8::1/128", "2001:db8::1", true},
		"2001:db8::/32":   {"2001:db8::/32", "2001:db8::/32", true},
		// Calico takes it for IPv4.
		"::ffff:10.1.2.3": {"::ffff:10.1.2.3/128", "::ffff:10.1.2.3", false},
		"fe80::1%eth0":    {"fe80::1%eth0", "fe80::1%eth0", true},
		"etcd.example":    {"etcd.example", "etcd.example", false},
		"":                {"", "", false},
	} {
		if got := Net(text); got != want.net {
			t.Errorf("Net(%q) is %q, not %q", text, got, want.net)
		}
		if got := Bare(text); got != want.bare {
			t.Errorf("Bare(%q) is %q, not %q", text, got, want.bare)
		}
		if got := IsIPv6(text); got != want.v6 {
			t.Errorf("IsIPv6(%q) is %v", text, got)
		}
	}
}
