package validate

import (
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

func TestValidateName(t *testing.T) {
	long := strings.Repeat("a", 253)
	for _, tt := range []struct{ name, reason string }{
		{"db1-eth0", ""},
		{"db1.example.com-eth0", ""},
		{"0", ""},
		{long, ""},
		{"", "needs a name"},
		{"DB1-eth0", `write "db1-eth0".`},
		{"db1_eth0", `write "db1-eth0".`},
		{"-db1", `write "db1".`},
		{"a..b", "as does each part between dots."},
		{"db1\n", "begins and ends with a letter or a digit"},
		{"dé", "lower-case letters"},
		{long + "a", "at most 253 characters, and this one 254"},
	} {
		h := objecttest.HostEndpoint()
		h.Name = tt.name
		var want []fault
		if tt.reason != "" {
			want = []fault{at("metadata.name", tt.reason)}
		}
		for _, r := range objecttest.Releases {
			checkFaults(t, h, r, want...)
		}
	}
}

func TestValidatePolicyName(t *testing.T) {
	const word, words, prefix = "is one word of", "or two with a dot between them", "begins with its tier and a dot"
	long := strings.Repeat("a", 253)
	for _, tt := range []struct {
		name, tier string
		// reasons by convention; "" where the name is accepted.
		until28, until31, from32 string
	}{
		{"p", "", "", "", ""},
		{"p", "default", "", "", ""},
		{long, "", "", "", ""},
		{"default.p", "", `write "default-p".`, "", ""},
		{"default.p", "default", word, "", ""},
		{"other.p", "", word, `write "p" for the tier "default", or set tier to "other".`, ""},
		{"ossg.p", "", word, "", ""},
		{"a.b.c", "", word, `write "a-b-c".`, words},
		{"knp.default.p", "", word, words, words},
		{"P", "", `write "p".`, `write "p".`, `write "p".`},
		{"p_1", "", `write "p-1".`, `write "p-1".`, `write "p-1".`},
		{"p.", "", `write "p".`, `write "p".`, words},
		{"", "", "needs a name", "needs a name", "needs a name"},
		{long + "a", "", "253", "253", "253"},
		{"sec.p", "sec", "", "", ""},
		{"p", "sec", "", `write "sec.p".`, ""},
		{"other.p", "sec", "", `write "sec.p".`, ""},
		{"default.p", "sec", "", prefix, ""},
		{"ossg.p", "sec", "", "", ""},
		{"ossg", "sec", "", `write "sec.ossg".`, ""},
	} {
		p := objecttest.Policy()
		p.Name, p.Spec.Tier = tt.name, tt.tier
		for _, r := range objecttest.Releases {
			var reason string
			switch storage.NamingOf(r) {
			case storage.NamingPrefixed:
				if tt.tier == "sec" {
					continue // there is no such tier, see TestValidateTier
				}
				reason = tt.until28
			case storage.NamingTiered, storage.NamingAnnotated:
				reason = tt.until31
			case storage.NamingPlain:
				reason = tt.from32
			}
			want := at("metadata.name", reason)
			if strings.Contains(reason, "tier") || strings.HasPrefix(reason, `write "sec.`) {
				want.within = object
			}
			if reason == "" {
				checkFaults(t, p, r)
			} else {
				checkFaults(t, p, r, want)
			}
		}
	}
}

func TestValidateLabels(t *testing.T) {
	k63, v63 := strings.Repeat("k", 63), strings.Repeat("v", 63)
	for _, tt := range []struct {
		key, value string
		want       []string
	}{
		{"env", "prod", nil},
		{"example.com/Role_1.a-b", "A_b-c.9", nil},
		{k63, v63, nil},
		{strings.Repeat("a", 253) + "/" + k63, "", nil},
		{"projectcalico.org/namespace", "x", nil},
		{"", "x", []string{"The key of a label has only letters"}},
		{"a b", "x", []string{"begins and ends with a letter or a digit"}},
		{"-a", "x", []string{"The key"}},
		{k63 + "k", "x", []string{"at most 63 characters"}},
		{"/role", "x", []string{"a DNS name in lower case before its '/'"}},
		{"role/", "x", []string{"The key"}},
		{"Example.com/role", "x", []string{`as in "example.com/role"`}},
		{"a/b/c", "x", []string{"at most one '/'"}},
		{strings.Repeat("a", 254) + "/k", "x", []string{"at most 253 characters before its '/'"}},
		{"env", "a b", []string{"The value of a label is empty, or has only"}},
		{"env", "-a", []string{"begins and ends"}},
		{"env", v63 + "v", []string{"at most 63 characters, and this one 64"}},
		{"a b", "é", []string{"The key", "The value"}},
	} {
		for _, obj := range []calico.Object{objecttest.HostEndpoint(), objecttest.Policy()} {
			obj.SetLabels(map[string]string{tt.key: tt.value})
			var want []fault
			for _, reason := range tt.want {
				want = append(want, at(calico.NewPath("metadata", "labels").Key(tt.key).String(), reason))
			}
			for _, r := range objecttest.Releases {
				checkFaults(t, obj, r, want...)
			}
		}
	}
}

// From v3.32 on the client sets the tier label of a policy before it checks it.
func TestValidateTierLabel(t *testing.T) {
	p := objecttest.Policy()
	p.Labels = map[string]string{v3.LabelTier: "not a label"}
	fault := at(`metadata.labels["projectcalico.org/tier"]`, "The value of a label")
	checkFaults(t, p, objecttest.V3310, fault)
	checkFaults(t, p, objecttest.V3320)
	h := objecttest.HostEndpoint()
	h.Labels = p.Labels
	checkFaults(t, h, objecttest.V3320, fault)
	if len(p.Labels) != 1 {
		t.Error("Validate changed the labels")
	}
}

func TestValidateAnnotations(t *testing.T) {
	for _, tt := range []struct {
		annotations map[string]string
		want        []fault
	}{
		{map[string]string{"Example.COM/Note": "any text,\nof any form"}, nil}, // case does not count in these keys
		{map[string]string{"k": strings.Repeat("x", 256<<10-1)}, nil},
		{map[string]string{"k": strings.Repeat("x", 256<<10)}, []fault{at("metadata.annotations", "have at most 262144 bytes: these have 262145, 1 too many")}},
		{map[string]string{"a b": "x", "b": "y", "/c": "z"}, []fault{
			at(`metadata.annotations["/c"]`, "The key of an annotation has a DNS name"),
			at(`metadata.annotations["a b"]`, "The key of an annotation has only"),
		}},
	} {
		for _, r := range objecttest.Releases {
			h := objecttest.HostEndpoint()
			h.Annotations = tt.annotations
			checkFaults(t, h, r, tt.want...)

			p := objecttest.Policy(v3.Rule{Action: v3.Allow, Metadata: &v3.RuleMetadata{Annotations: tt.annotations}})
			want := make([]fault, len(tt.want))
			for i, f := range tt.want {
				want[i] = at("spec.ingress[0]."+f.field, f.reason)
			}
			checkFaults(t, p, r, want...)
		}
	}
}
