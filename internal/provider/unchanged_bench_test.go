package provider

import (
	"encoding/json"
	"math/big"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// BenchmarkUnchanged is what a plan without changes asks for each object.
func BenchmarkUnchanged(b *testing.B) {
	t := b
	d := newMemory()
	i := configured(t, "calico_host_endpoint", anEndpoint)
	newCore(t, d, "test").create(t, i)
	c := newCore(t, d, "test")
	typ := c.types[i.typeName]
	config := dynamic(t, typ, i.config)
	stored := []byte(storedState(b, c, i))
	ctx := b.Context()
	for _, step := range []struct {
		name string
		ask  func() error
	}{
		{"upgrade", func() error {
			_, err := c.server.UpgradeResourceState(ctx, &tfprotov6.UpgradeResourceStateRequest{TypeName: i.typeName, RawState: &tfprotov6.RawState{JSON: stored}})
			return err
		}},
		{"read", func() error {
			_, err := c.server.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: i.typeName, CurrentState: i.state, Private: i.private})
			return err
		}},
		{"validate", func() error {
			_, err := c.server.ValidateResourceConfig(ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: i.typeName, Config: config})
			return err
		}},
		{"plan", func() error {
			_, err := c.server.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{TypeName: i.typeName, PriorState: i.state, ProposedNewState: i.state, Config: config, PriorPrivate: i.private})
			clear(c.server.provider.data.Load().updated)
			return err
		}},
	} {
		b.Run(step.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := step.ask(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// storedState is the state of an instance as Terraform stores it.
func storedState(t testing.TB, c *core, i *instance) string {
	t.Helper()
	state, err := i.state.Unmarshal(c.types[i.typeName])
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(plain(t, state))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// plain is a value as package json writes it.
func plain(b testing.TB, v tftypes.Value) any {
	b.Helper()
	if v.IsNull() {
		return nil
	}
	var (
		fields   map[string]tftypes.Value
		elements []tftypes.Value
		text     string
		is       bool
		number   big.Float
	)
	switch {
	case v.As(&fields) == nil:
		all := map[string]any{}
		for name, field := range fields {
			all[name] = plain(b, field)
		}
		return all
	case v.As(&elements) == nil:
		all := []any{}
		for _, element := range elements {
			all = append(all, plain(b, element))
		}
		return all
	case v.As(&text) == nil:
		return text
	case v.As(&is) == nil:
		return is
	case v.As(&number) == nil:
		return json.Number(number.Text('f', -1))
	}
	b.Fatalf("no JSON is known for %s", v)
	return nil
}
