package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/calico-terraform/terraform-provider-calico/internal/provider/wire"
)

// A configuration about which there was nothing to say is not looked at again by the same
// build: nothing else has a say in it.
func TestUnchangedIsValid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		// change is made before the second process validates.
		change  func(i *instance)
		version string
		// says is what the second process says of the configuration, and validations how often
		// the framework was asked, of two.
		says        string
		validations int
	}{
		"the same":        {nil, "test", "", 0},
		"another version": {nil, "test2", "", 1},
		"a fault":         {func(i *instance) { i.config["node"] = "" }, "test", "Value Calico Would Refuse", 2},
		"another value":   {func(i *instance) { i.config["node"] = "db2" }, "test", "", 1},
		"lost private state": {func(i *instance) {
			i.private = nil
		}, "test", "", 1},
		"private state that does not tell": {func(i *instance) {
			i.private = withoutValid(t, i.private)
		}, "test", "", 1},
		"another resource with the same attributes": {func(i *instance) { i.typeName = "calico_network_set" }, "test", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newMemory()
			i := configured(t, "calico_host_endpoint", anEndpoint)
			if strings.Contains(name, "another resource") {
				i = configured(t, "calico_global_network_set", `{"name":"a"}`)
			}
			newCore(t, d, "test").create(t, i)
			c := newCore(t, d, test.version)
			as := *i
			if test.change != nil {
				test.change(&as)
			}
			c.refresh(t, &instance{typeName: i.typeName, state: i.state, private: as.private})
			first, second := c.validate(t, &as), c.validate(t, &as)
			if !strings.HasPrefix(first, test.says) || first != second || (first == "") != (test.says == "") || c.validations != test.validations {
				t.Errorf("it says %q and then %q, and the framework was asked %d times; want %q, %d times", first, second, c.validations, test.says, test.validations)
			}
		})
	}
}

// withoutValid returns private state of a configuration that was not validated when it was
// applied.
func withoutValid(t *testing.T, private []byte) []byte {
	t.Helper()
	keys := wire.ReadPrivate(private)
	before := string(keys[stateKey])
	keys[stateKey] = []byte(strings.Replace(before, `,"valid":true`, "", 1))
	if string(keys[stateKey]) == before {
		t.Fatalf("no configuration was validated: %s", before)
	}
	return keys.Text()
}

// A state of this version is not the framework's matter, unless there is something about it
// that Terraform would not have written.
func TestUnchangedIsNoUpgrade(t *testing.T) {
	t.Parallel()
	d := newMemory()
	i := configured(t, "calico_host_endpoint", anEndpoint)
	c := newCore(t, d, "test")
	c.create(t, i)
	typ := c.types[i.typeName]
	stored := storedState(t, c, i)
	for name, test := range map[string]struct {
		raw      string
		version  int64
		upgrades int
		says     string
	}{
		"of this version":   {stored, 0, 0, ""},
		"of another":        {stored, 7, 1, "Unable to Upgrade Resource State"},
		"with more":         {strings.Replace(stored, `"node":`, `"was":1,"node":`, 1), 0, 1, ""},
		"with a wrong type": {strings.Replace(stored, `"node":"db1"`, `"node":["db1"]`, 1), 0, 1, "Unable to Read Previously Saved State for UpgradeResourceState"},
	} {
		c.upgrades = 0
		resp, err := c.server.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{TypeName: i.typeName, Version: test.version, RawState: &tfprotov6.RawState{JSON: []byte(test.raw)}})
		if err != nil {
			t.Fatal(err)
		}
		if c.upgrades != test.upgrades || text(resp.Diagnostics) != test.says {
			t.Errorf("%s: the framework was asked %d times, and it says %q; want %d and %q", name, c.upgrades, text(resp.Diagnostics), test.upgrades, test.says)
		}
		if test.says != "" {
			continue
		}
		if why := wire.Different(typ, resp.UpgradedState, i.state); why != "" {
			t.Errorf("%s: %s", name, why)
		}
	}
}
