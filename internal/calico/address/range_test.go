package address

import (
	"net/netip"
	"testing"
)

func TestParseRange(t *testing.T) {
	for text, want := range map[string]string{
		"10.1.2.3":                 "10.1.2.3",
		"10.1.2.3/24":              "10.1.2.0/24",
		"0.0.0.0/0":                "0.0.0.0/0",
		"2001:DB8::1":              "2001:db8::1",
		"2001:db8::1/64":           "2001:db8::/64",
		"::ffff:10.1.2.3":          "10.1.2.3",
		"::ffff:10.0.0.0/104":      "10.0.0.0/8",
		"::ffff:10.1.2.3/128":      "10.1.2.3",
		"::/0":                     "::/0",
		"10.0.0.0/33":              "",
		"10.0.0.01":                "",
		"fe80::1%eth0":             "",
		"host":                     "",
		"10.0.0.0/255.0.0.0":       "",
		"10.0.0.4/30":              "10.0.0.4/30",
		"255.255.255.255/32":       "255.255.255.255",
		"ffff:ffff::/16":           "ffff::/16",
		"2001:db8:ffff:ffff::/128": "2001:db8:ffff:ffff::",
	} {
		got, ok := ParseRange(text)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("ParseRange(%q) is %v, %v, not %q", text, got, ok, want)
		}
	}
}

func TestRangeOfMappedAddresses(t *testing.T) {
	got, want := RangeOf(netip.MustParsePrefix("::ffff:10.1.0.0/112")), RangeOf(netip.MustParsePrefix("10.1.0.0/16"))
	if got != want {
		t.Errorf("it is %v, not %v", got, want)
	}
	if whole := RangeOf(netip.MustParsePrefix("::/0")); whole.String() != "::/0" {
		t.Errorf("it is %v, not ::/0", whole)
	}
}

func TestRange(t *testing.T) {
	addr, net := netip.MustParseAddr, func(text string) Range { return RangeOf(netip.MustParsePrefix(text)) }
	odd := Range{addr("10.0.0.1"), addr("10.0.0.4")}
	if got := odd.String(); got != "10.0.0.1-10.0.0.4" {
		t.Errorf("it is spelled %q", got)
	}
	for text, want := range map[string]bool{"10.0.0.0": false, "10.0.0.1": true, "10.0.0.4": true, "10.0.0.5": false, "::1": false} {
		if odd.Contains(addr(text)) != want {
			t.Errorf("%s is in %s: %v", text, odd, !want)
		}
	}
	for text, want := range map[string]bool{"10.0.0.0/32": false, "10.0.0.0/31": true, "10.0.0.4/30": true, "10.0.0.5/32": false, "0.0.0.0/0": true} {
		if odd.Overlaps(net(text)) != want || net(text).Overlaps(odd) != want {
			t.Errorf("%s and %s overlap: %v", text, odd, !want)
		}
	}
	for n, want := range map[int]bool{3: true, 4: false, 5: false} {
		if odd.IsLongerThan(n) != want {
			t.Errorf("%s has more than %d addresses: %v", odd, n, !want)
		}
	}
	if !net("::/0").IsLongerThan(1<<62) || !net("2001:db8::/64").IsLongerThan(1<<62) || net("2001:db8::/120").IsLongerThan(256) {
		t.Error("IPv6 is counted wrong")
	}
}
