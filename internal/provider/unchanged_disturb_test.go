package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/wire"
)

// histories are the instances of a history, as they are configured at first. Two types have
// no short answer to a plan.
var histories = []struct{ typeName, config string }{
	{"calico_tier", `{"name":"sec","order":500}`},
	{"calico_global_network_policy", `{"name":"sec.base","tier":"sec","order":10,"selector":"all()","types":["Ingress","Egress"],"ingress":[{"action":"Allow","protocol":"TCP","destination":{"ports":["22"]}}]}`},
	{"calico_host_endpoint", anEndpoint},
	{"calico_host_endpoint", `{"name":"db2-eth0","node":"db2","expected_ips":["10.0.0.2"],"port":[{"name":"pg","port":5432,"protocol":"TCP"}]}`},
	{"calico_global_network_policy", aPolicy},
	{"calico_network_policy", `{"name":"sec.in","namespace":"shop","tier":"sec","selector":"app == 'x'","egress":[{"action":"Deny"}]}`},
	{"calico_staged_global_network_policy", `{"name":"trial","selector":"role == 'web'","types":["Ingress"]}`},
	{"calico_failsafe_policy", `{"management_cidrs":["10.1.0.0/24"]}`},
	{"calico_global_network_set", `{"name":"office","nets":["10.0.0.0/24","10.0.1.0/24"]}`},
	{"calico_network_set", `{"name":"office","namespace":"shop","nets":["10.0.0.0/24"]}`},
	{"calico_profile", `{"name":"db","labels_to_apply":{"a":"b"}}`},
	{"calico_ip_pool", `{"name":"pool","cidr":"10.20.0.0/16","nat_outgoing":true}`},
	{"calico_felix_configuration", `{"name":"default","log_severity_screen":"Warning"}`},
}

// changes are what a configuration may say of an attribute, if its type has one; null leaves
// it out. Some of it is refused, by each release or by some.
var changes = map[string]string{
	"node":           `["db3","db1",""]`,
	"interface_name": `["eth1","*",null]`,
	"expected_ips":   `[["10.0.0.9"],["10.0.0.9","10.0.0.8"],[],null]`,
	"labels":         `[{"role":"db"},{"role":"web","a":"1"},{},null]`,
	"order":          `[1,200,100.5,null]`,
	"selector":       `["all()","role == 'web'","role=='web'","role ==",null]`,
	"types":          `[["Ingress"],["Ingress","Egress"],["Egress","Ingress"],[],null]`,
	"nets":           `[["10.0.0.0/24"],["10.0.1.0/24","10.0.0.0/24"],["10.0.0.5/24"],null]`,
	"annotations":    `[{"note":"x"},null]`,
	"do_not_track":   `[true,false,null]`,
	"default_action": `["Pass","Deny",null]`,
}

// disturb is something that others do, or the user.
func (h *history) disturb() {
	h.t.Helper()
	switch h.r.IntN(5) {
	case 0:
		h.disturbDatastore()
	case 1:
		h.disturbState(h.instances[h.r.IntN(len(h.instances))])
	default:
		h.disturbConfig(h.instances[h.r.IntN(len(h.instances))])
	}
}

func (h *history) tell(format string, arguments ...any) {
	h.told = append(h.told, fmt.Sprintf(format, arguments...))
}

// idOf is the object of an instance.
func (h *history) idOf(i *historic) calico.ID {
	r := h.lived.server.resources()[i.typeName]
	id := calico.ID{Kind: r.kind}
	if i.state != nil {
		id, _ = r.idOfState(i.state)
		return id
	}
	id.Name, _ = i.original["name"].(string)
	id.Namespace, _ = i.original["namespace"].(string)
	return id
}

// disturbDatastore is what others do to the datastore.
func (h *history) disturbDatastore() {
	h.t.Helper()
	id := h.idOf(h.instances[h.r.IntN(len(h.instances))])
	text, there := h.d.Get(id)
	if there && !slices.Contains(h.stored[id], text) {
		h.stored[id] = append(h.stored[id], text)
	}
	what := h.r.IntN(10)
	switch {
	case what == 0:
		h.release(releases[h.r.IntN(len(releases))])
	case what == 1:
		tier := calico.ID{Kind: calico.KindTier, Name: "sec"}
		if stored, found := h.d.Get(tier); found {
			h.stored[tier] = append(h.stored[tier], stored)
			h.d.Remove(tier)
			h.tell("the tier vanishes")
		} else if all := h.stored[tier]; len(all) > 0 {
			h.d.Put(tier, all[len(all)-1])
			h.tell("the tier is put back")
		}
	case what < 4 && len(h.stored[id]) > 0:
		h.d.Put(id, h.stored[id][h.r.IntN(len(h.stored[id]))])
		h.tell("%s is put back", id)
	case !there:
	case what == 4:
		h.d.Remove(id)
		h.tell("%s is deleted", id)
	case what == 5:
		h.d.Put(id, text)
		h.tell("%s is written again", id)
	case what == 6:
		var spaced bytes.Buffer
		if json.Indent(&spaced, []byte(text), "", " ") == nil {
			h.d.Put(id, spaced.String())
			h.tell("%s is written with spaces", id)
		}
	case what == 7 && h.r.IntN(4) == 0:
		h.d.Put(id, "{")
		h.tell("%s is damaged", id)
	default:
		h.edit(id, text)
	}
}

// usualRelease is that of Calico, most of the time.
const usualRelease = "v3.31.0"

// releases are others; "" is for nothing that tells it.
var releases = []string{"v3.28.0", "v3.29.3", "v3.30.0", "v3.32.0", "v4.0.0", ""}

// release makes Calico a release.
func (h *history) release(release string) {
	info := calico.ID{Kind: calico.KindClusterInformation, Name: "default"}
	h.tell("the release is %q", release)
	if release == "" {
		h.d.Remove(info)
		return
	}
	h.d.Put(info, `{"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"1","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"calicoVersion":"`+release+`","datastoreReady":true}}`)
}

// edit changes a value of an object that is stored, as somebody else would.
func (h *history) edit(id calico.ID, text string) {
	h.t.Helper()
	var object map[string]any
	if json.Unmarshal([]byte(text), &object) != nil {
		return
	}
	in, _ := object[[]string{"metadata", "spec", "spec"}[h.r.IntN(3)]].(map[string]any)
	if in == nil {
		return
	}
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(in)), func(key string) bool { return key == "name" || key == "namespace" })
	if len(keys) == 0 {
		return
	}
	key := keys[h.r.IntN(len(keys))]
	switch was := in[key].(type) {
	case string:
		in[key] = was + "x"
	case float64:
		in[key] = was + 1
	case bool:
		in[key] = !was
	default:
		delete(in, key)
	}
	switch h.r.IntN(6) {
	case 0:
		in["labels"] = map[string]any{"by": "others"}
	case 1:
		in["unknown"] = "to this provider"
	}
	edited, err := json.Marshal(object)
	if err != nil {
		h.t.Fatal(err)
	}
	h.d.Put(id, string(edited))
	h.tell("%s of %s is another", key, id)
}

// drift changes what Calico fills in, of which a configuration may say nothing: a plan
// proposes it as it is then, though it is not what was applied.
func (h *history) drift(id calico.ID) {
	text, _ := h.d.Get(id)
	for _, values := range [][]string{{`"defaultAction":"Deny"`, `"defaultAction":"Pass"`}, {`"types":["Ingress"]`, `"types":["Egress"]`}} {
		if strings.Contains(text, values[1]) {
			slices.Reverse(values)
		}
		if changed := strings.Replace(text, values[0], values[1], 1); changed != text {
			h.d.Put(id, changed)
			h.tell("%s has %s", id, values[1])
		}
	}
}

// disturbState is what somebody does to the state.
func (h *history) disturbState(i *historic) {
	h.t.Helper()
	if i.state == nil {
		return
	}
	id := h.idOf(i)
	now := stateOf{i.state, i.private}
	switch h.r.IntN(10) {
	case 0:
		i.private = nil
		h.tell("private state of %s is lost", id)
	case 1:
		from := []string{`"origin":"created"`, `,"valid":true`, `"config":"`, `"release":"v3.31.0"`, `"build":"`}[h.r.IntN(5)]
		to := map[string]string{`"origin":"created"`: `"origin":"unknown"`, `"config":"`: `"config":"x`, `"build":"`: `"build":"x`}[from]
		h.editPrivate(i, func(keys wire.Private) {
			keys[stateKey] = []byte(strings.Replace(string(keys[stateKey]), from, to, 1))
		})
		h.tell("private state of %s has %s in place of %s", id, to, from)
	case 2, 3:
		names := []string{}
		for _, a := range h.blocks[i.typeName].Attributes {
			if a.Type != nil && a.Type.Is(tftypes.String) && a.Name != "name" && a.Name != "namespace" && a.Name != "object" {
				names = append(names, a.Name)
			}
		}
		name := names[h.r.IntN(len(names))]
		i.state = h.lived.edited(h.t, &i.instance, name, "edited")
		h.tell("%s is edited in the state of %s", name, id)
	case 4, 5:
		if len(i.earlier) > 0 {
			one := i.earlier[h.r.IntN(len(i.earlier))]
			i.state = one.state
			if h.r.IntN(2) == 0 {
				i.private = one.private
			}
			h.tell("an earlier state of %s is put back", id)
		}
	case 6:
		if i.identity = nil; h.r.IntN(2) == 0 {
			other := id
			other.Name = "other"
			i.identity, _ = h.lived.server.resources()[i.typeName].identityOf(other)
		}
		h.tell("the identity of %s is lost, or is another", id)
	case 7:
		i.forget()
		resp, err := h.lived.server.ImportResourceState(h.t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: i.typeName, ID: strings.TrimPrefix(id.Namespace+"/"+id.Name, "/")})
		if err != nil || len(resp.ImportedResources) != 1 {
			h.t.Fatal(err, resp)
		}
		one := resp.ImportedResources[0]
		i.state, i.private = one.State, one.Private
		h.tell("%s is imported", id)
	default:
		if other := h.sibling(i); other != nil {
			other.state, other.private, other.identity, other.config = i.state, i.private, i.identity, i.config
			h.tell("%s is in the state twice", id)
		}
	}
	i.earlier = append(i.earlier, now)
}

func (h *history) editPrivate(i *historic, edit func(keys wire.Private)) {
	h.t.Helper()
	if keys := wire.ReadPrivate(i.private); keys != nil {
		edit(keys)
		i.private = keys.Text()
	}
}

// sibling is another instance of the same type; nil if there is none.
func (h *history) sibling(i *historic) *historic {
	for _, other := range h.instances {
		if other != i && other.typeName == i.typeName {
			return other
		}
	}
	return nil
}

// disturbConfig changes a configuration; half of the time it changes back.
func (h *history) disturbConfig(i *historic) {
	h.t.Helper()
	name := fmt.Sprint(i.typeName, " ", i.original["name"])
	switch h.r.IntN(10) {
	case 0:
		i.config = nil
		h.tell("%s is taken out", name)
	case 1, 2, 3, 4:
		i.config = maps.Clone(i.original)
		h.tell("%s is configured as at first", name)
	case 5:
		if other := h.sibling(i); other != nil && i.config != nil {
			i.config = maps.Clone(i.config)
			i.config["name"] = other.original["name"]
			h.tell("%s is named %s", name, i.config["name"])
		}
	default:
		if i.config == nil {
			return
		}
		var names []string
		for _, a := range h.blocks[i.typeName].Attributes {
			if changes[a.Name] != "" {
				names = append(names, a.Name)
			}
		}
		if len(names) == 0 {
			return
		}
		attribute := names[h.r.IntN(len(names))]
		for _, computed := range []string{"types", "default_action", "order"} {
			// It is proposed as it was then.
			if i.config[computed] != nil && h.r.IntN(3) > 0 {
				i.config = maps.Clone(i.config)
				delete(i.config, computed)
				h.tell("%s says nothing of %s", name, computed)
				return
			}
		}
		var values []any
		if err := json.Unmarshal([]byte(changes[attribute]), &values); err != nil {
			h.t.Fatal(err)
		}
		i.config = maps.Clone(i.config)
		i.config[attribute] = values[h.r.IntN(len(values))]
		h.tell("%s has %s = %v", name, attribute, i.config[attribute])
	}
}

// null is the value of what does not exist.
func (h *history) null(typeName string) *tfprotov6.DynamicValue {
	typ := h.lived.types[typeName]
	return h.dynamic(typ, tftypes.NewValue(typ, nil))
}

func isNull(state *tfprotov6.DynamicValue) bool { return bytes.Equal(state.MsgPack, []byte{0xc0}) }

func (h *history) dynamic(typ tftypes.Type, v tftypes.Value) *tfprotov6.DynamicValue {
	h.t.Helper()
	d, err := tfprotov6.NewDynamicValue(typ, v)
	if err != nil {
		h.t.Fatal(err)
	}
	return &d
}

func (h *history) value(typ tftypes.Type, d *tfprotov6.DynamicValue) tftypes.Value {
	h.t.Helper()
	v, err := d.Unmarshal(typ)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

// configOf is the configuration of an instance as Terraform sends it: without blocks there
// are none, and not null.
func (h *history) configOf(i *historic) *tfprotov6.DynamicValue {
	h.t.Helper()
	typ := h.lived.types[i.typeName]
	given := value(h.t, typ, i.config)
	return h.dynamic(typ, proposed(h.blocks[i.typeName], tftypes.NewValue(typ, nil), given))
}

// proposedFor is what Terraform proposes: the configuration, and what is computed as the
// prior state has it.
func (h *history) proposedFor(i *historic, prior, config *tfprotov6.DynamicValue) *tfprotov6.DynamicValue {
	h.t.Helper()
	typ := h.lived.types[i.typeName]
	return h.dynamic(typ, proposed(h.blocks[i.typeName], h.value(typ, prior), h.value(typ, config)))
}

// proposed puts into a configuration what is computed, as the prior state has it.
func proposed(block *tfprotov6.SchemaBlock, prior, config tftypes.Value) tftypes.Value {
	var before, after map[string]tftypes.Value
	_, _ = prior.As(&before), config.As(&after)
	for _, a := range block.Attributes {
		if was, ok := before[a.Name]; ok && a.Computed && after[a.Name].IsNull() {
			after[a.Name] = was
		}
	}
	for _, nested := range block.BlockTypes {
		if nested.Nesting == tfprotov6.SchemaNestedBlockNestingModeSingle {
			if now := after[nested.TypeName]; !now.IsNull() {
				was, ok := before[nested.TypeName]
				if !ok {
					was = tftypes.NewValue(now.Type(), nil)
				}
				after[nested.TypeName] = proposed(nested.Block, was, now)
			}
			continue
		}
		var were, are []tftypes.Value
		_, _ = before[nested.TypeName].As(&were), after[nested.TypeName].As(&are)
		for n := range are {
			was := tftypes.NewValue(are[n].Type(), nil)
			if n < len(were) {
				was = were[n]
			}
			are[n] = proposed(nested.Block, was, are[n])
		}
		after[nested.TypeName] = tftypes.NewValue(after[nested.TypeName].Type(), append([]tftypes.Value{}, are...))
	}
	return tftypes.NewValue(config.Type(), after)
}
