package provider_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// Without private state nothing is taken for an import: what is others' stays, and what
// there was before is not made up.
func TestPrivateStateMissing(t *testing.T) {
	t.Parallel()
	t.Run("plan and apply", func(t *testing.T) {
		t.Parallel()
		f := newForgetful(t)
		dropPrivate(t, f.w)
		policy, felix := f.etcd.MustGet(t, forgetfulPolicyKey), f.etcd.MustGet(t, felixStored)
		wantWarnings(t, run(t, f.w, "plan"), lostPolicy, lostFelix)
		noChanges(t, f.w)
		wantWarnings(t, run(t, f.w, "apply"), lostPolicy, lostFelix)
		if f.etcd.MustGet(t, forgetfulPolicyKey) != policy || f.etcd.MustGet(t, felixStored) != felix {
			t.Error("an apply without changes wrote")
		}
		// Read anew, it is known what is stored, but not from where it came.
		wantOrigin(t, f.w, "calico_global_network_policy", "unknown")
		wantOrigin(t, f.w, "calico_felix_configuration", "unknown")
		succeed(t, f.w, "plan")

		f.configure(t, "2", "  ipip_mtu = 1300\n  health_port = 9100\n")
		succeed(t, f.w, "apply")
		if value := f.etcd.MustGet(t, forgetfulPolicyKey).Value; !strings.Contains(value, `"note":"others'"`) || !strings.Contains(value, `"order":2`) {
			t.Errorf("stored is %s", value)
		}
		// What is owned anew is given back, what was owned already is not.
		f.configure(t, "2", "")
		o := run(t, f.w, "apply")
		wantWarnings(t, o, keptFelix)
		for _, d := range o.Diagnostics {
			d.Says(t, "spec.ipipMTU")
			if strings.Contains(d.Detail, "healthPort") || strings.Contains(d.Detail, "failsafe") {
				t.Errorf("too much is told: %s", d)
			}
		}
		if value := f.etcd.MustGet(t, felixStored).Value; !strings.Contains(value, `"ipipMTU":1300`) || strings.Contains(value, "healthPort") {
			t.Errorf("stored is %s", value)
		}
		noChanges(t, f.w)
	})
	for name, flags := range map[string][]string{"destroy": nil, "destroy without a refresh": {"-refresh=false"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForgetful(t)
			dropPrivate(t, f.w)
			felix := f.etcd.MustGet(t, felixStored)
			o := run(t, f.w, "destroy", flags...)
			told := map[string]string{}
			for _, d := range o.Diagnostics {
				told[d.Summary] = d.Detail
			}
			if o.Failed || !strings.Contains(told[keptFelix], "spec.ipipMTU, spec.failsafeInboundHostPorts") {
				t.Errorf("failed %t, told %v", o.Failed, o.Diagnostics)
			}
			if len(flags) > 0 && (told[lostPolicy] == "" || told[lostFelix] == "") {
				t.Errorf("what is missing is not told: %v", o.Diagnostics)
			}
			f.etcd.WantKeys(t, policyKeys)
			if got := f.etcd.MustGet(t, felixStored); got != felix {
				t.Errorf("the destroy wrote %s, where there was %s", got.Value, felix.Value)
			}
		})
	}
	// Others' private state is none of ours: that of another provider, and that of one
	// that was made with the older SDK, which the framework drops.
	for name, private := range map[string]string{"another provider's": `{"theirs":"e30="}`, "of the older SDK": `{"schema_version":"1"}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForgetful(t)
			path := filepath.Join(f.w.Dir, "terraform.tfstate")
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal([]byte(private))
			if err != nil {
				t.Fatal(err)
			}
			content = privateOfState.ReplaceAll(content, append([]byte(`"private":`), text...))
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			wantWarnings(t, run(t, f.w, "apply"), lostPolicy, lostFelix)
			wantOrigin(t, f.w, "calico_global_network_policy", "unknown")
			noChanges(t, f.w)
		})
	}
	t.Run("changed by others, without a refresh", func(t *testing.T) {
		t.Parallel()
		f := newForgetful(t)
		dropPrivate(t, f.w)
		f.etcd.Put(t, forgetfulPolicyKey, strings.Replace(f.etcd.MustGet(t, forgetfulPolicyKey).Value, `"order":1`, `"order":7`, 1))
		f.etcd.Put(t, felixStored, strings.Replace(f.etcd.MustGet(t, felixStored).Value, `"ipipMTU":1400`, `"ipipMTU":1200`, 1))
		f.configure(t, "2", "  ipip_mtu = 1300\n")
		for _, command := range []string{"apply", "destroy"} {
			o := run(t, f.w, command, "-refresh=false")
			errs := o.Of("error")
			if len(errs) != 2 {
				t.Fatalf("%s: %v", command, o.Diagnostics)
			}
			for _, e := range errs {
				e.Says(t, "private state of this object is missing", "Nothing was changed", "without -refresh=false")
			}
		}
		f.configure(t, "2", "  ipip_mtu = 1300\n")
		wantWarnings(t, run(t, f.w, "apply"), lostPolicy, lostFelix)
		noChanges(t, f.w)
	})
	t.Run("gone", func(t *testing.T) {
		t.Parallel()
		f := newForgetful(t)
		dropPrivate(t, f.w)
		f.etcd.Delete(t, forgetfulPolicyKey)
		wantWarnings(t, run(t, f.w, "apply"), lostFelix)
		wantOrigin(t, f.w, "calico_global_network_policy", "created")
		noChanges(t, f.w)
	})
	// A label that others have put there is drift, which the plan shows and the apply
	// takes away, as it does with private state.
	t.Run("a label", func(t *testing.T) {
		t.Parallel()
		f := newForgetful(t)
		dropPrivate(t, f.w)
		f.etcd.Put(t, forgetfulPolicyKey, strings.Replace(f.etcd.MustGet(t, forgetfulPolicyKey).Value, `"labels":{`, `"labels":{"b":"2",`, 1))
		changes, text, err := f.w.Plan(t.Context())
		if err != nil || !changes || !strings.Contains(text, `- "b" = "2"`) {
			t.Errorf("changes %t, %v:\n%s", changes, err, text)
		}
	})
}

// What cannot be read, or is not for this provider, stops everything and changes
// nothing.
func TestPrivateStateThatIsOfNoUse(t *testing.T) {
	t.Parallel()
	f := newForgetful(t)
	policy, felix := f.etcd.MustGet(t, forgetfulPolicyKey), f.etcd.MustGet(t, felixStored)
	good := map[string]privateData{}
	editPrivate(t, f.w, func(of string, p privateData) privateData { good[of] = p; return p })
	base := func(text string) func(*testing.T, privateData) privateData {
		return func(_ *testing.T, p privateData) privateData {
			out := maps.Clone(p)
			out["base"] = []byte(text)
			return out
		}
	}
	fields := func(name, value string) func(*testing.T, privateData) privateData {
		return func(t *testing.T, p privateData) privateData { return p.with(t, map[string]string{name: value}) }
	}
	cannot := []string{"private state", "cannot be read", "nothing was changed", "terraform.tfstate.backup", "terraform state rm"}
	for _, test := range []struct {
		name string
		edit func(*testing.T, privateData) privateData
		says []string
	}{
		{name: "another type", edit: base(`"text"`), says: cannot},
		{name: "a list", edit: base(`[]`), says: cannot},
		{name: "null", edit: base(`null`), says: cannot},
		{name: "nothing in it", edit: base(`{}`), says: cannot},
		{name: "no object", edit: fields("raw", ""), says: cannot},
		{name: "an object that is no JSON", edit: fields("raw", `"e30K"`), says: cannot},
		{name: "an object that is no base64", edit: fields("raw", `"%"`), says: cannot},
		{name: "another object", edit: func(_ *testing.T, p privateData) privateData {
			other := good["calico_felix_configuration"]
			if bytes.Equal(p["base"], other["base"]) {
				other = good["calico_global_network_policy"]
			}
			return other
		}, says: cannot},
		{name: "an unknown origin", edit: fields("origin", `"found"`), says: cannot},
		{name: "no origin", edit: fields("origin", ""), says: cannot},
		{name: "a version that is no number", edit: fields("version", `"1"`), says: cannot},
		{name: "a newer version", edit: fields("version", `3`), says: []string{"newer version of this provider", "version 3", "up to 2", "Nothing was changed", "terraform init -upgrade"}},
		{name: "a newer version of another form", edit: base(`{"version":4,"origin":5}`), says: []string{"newer version of this provider", "version 4", "up to 2"}},
		{name: "another datastore", edit: fields("datastore", `"kubernetes"`), says: []string{`"kubernetes"`, `"etcd"`, "Nothing was changed", "terraform state rm"}},
	} {
		editPrivate(t, f.w, func(of string, _ privateData) privateData { return test.edit(t, good[of]) })
		for _, command := range [][]string{{"plan"}, {"plan", "-refresh=false"}, {"apply"}, {"destroy"}, {"destroy", "-refresh=false"}} {
			o := run(t, f.w, command[0], command[1:]...)
			errs := o.Of("error")
			if !o.Failed || len(errs) != 2 {
				t.Errorf("%s, %v: failed %t, with %v", test.name, command, o.Failed, o.Diagnostics)
				continue
			}
			for _, e := range errs {
				e.Says(t, test.says...)
			}
		}
		if f.etcd.MustGet(t, forgetfulPolicyKey) != policy || f.etcd.MustGet(t, felixStored) != felix {
			t.Fatalf("%s: something was written", test.name)
		}
	}
	editPrivate(t, f.w, func(of string, _ privateData) privateData { return good[of] })
	succeed(t, f.w, "plan")
}

// What the framework itself cannot decode is an error, too.
func TestPrivateStateThatIsNoJSON(t *testing.T) {
	t.Parallel()
	f := newForgetful(t)
	path := filepath.Join(f.w.Dir, "terraform.tfstate")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, private := range []string{
		`"private":"bm90IEpTT04="`,             // not JSON
		`"private":"eyJiYXNlIjogImV3PT0ifQ=="`, // {"base": "ew=="}, which is {
	} {
		edited := privateOfState.ReplaceAllString(string(content), private)
		if err := os.WriteFile(path, []byte(edited), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range [][]string{{"plan"}, {"destroy", "-refresh=false"}} {
			if o := run(t, f.w, command[0], command[1:]...); !o.Failed || len(o.Of("error")) != 2 {
				t.Errorf("%s, %v: failed %t, with %v", private, command, o.Failed, o.Diagnostics)
			}
		}
	}
	f.etcd.MustGet(t, forgetfulPolicyKey)
}

// asVersion0 turns private state into that of the version before it had a number.
func asVersion0(t *testing.T, resourceType string, p privateData) privateData {
	t.Helper()
	object := p.object(t)
	out := asVersion1(t, p).with(t, map[string]string{"version": "", "datastore": "", "origin": "", "before": ""})
	if resourceType == "calico_felix_configuration" {
		before := object["before"]
		if before == nil {
			before = json.RawMessage("{}")
		}
		created := "false"
		if string(object["origin"]) == `"created"` {
			created = "true"
		}
		out["adoption"] = []byte(`{"created":` + created + `,"before":` + string(before) + `}`)
	}
	return inBase64(out)
}

// asVersion1 turns private state into that of the version that had all texts as base64.
func asVersion1(t *testing.T, p privateData) privateData {
	t.Helper()
	raw, err := json.Marshal([]byte(p.object(t)["raw"]))
	if err != nil {
		t.Fatal(err)
	}
	return inBase64(p.with(t, map[string]string{"version": "1", "raw": string(raw)}))
}

// inBase64 has all texts of private state written as base64: that is how texts are written
// that package json would not write.
func inBase64(p privateData) privateData {
	out := privateData{}
	for key, text := range p {
		out[key] = slices.Concat(text, []byte("\n"))
	}
	return out
}

// What versions 1 and 2 have kept is the same, and version 1 is written as version 2.
func TestPrivateStateOfVersion1(t *testing.T) {
	t.Parallel()
	f := newForgetful(t)
	before := privateOf(t, f.w, "calico_felix_configuration")
	editPrivate(t, f.w, func(_ string, p privateData) privateData { return asVersion1(t, p) })
	content, err := os.ReadFile(filepath.Join(f.w.Dir, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	for _, private := range privateOfState.FindAllString(string(content), -1) {
		if _, text, _ := strings.Cut(private, `: "`); strings.Contains(decodedBase64(t, text), "{\"base\":{") {
			t.Fatalf("this is no version 1: %s", private)
		}
	}
	noChanges(t, f.w)
	f.configure(t, "2", "  ipip_mtu = 1400\n")
	succeed(t, f.w, "apply")
	wantOrigin(t, f.w, "calico_felix_configuration", "adopted")
	if now, was := privateOf(t, f.w, "calico_felix_configuration").object(t)["before"], before.object(t)["before"]; string(now) != string(was) {
		t.Errorf("what there was before is %s, and was %s", now, was)
	}
	succeed(t, f.w, "destroy")
	if got := f.etcd.MustGet(t, felixStored).Value; got != othersFelixObject {
		t.Errorf("there is\n%s\nwhere there was\n%s", got, othersFelixObject)
	}
}

// States of the version before go on as they were: nothing to tell, nothing forgotten.
func TestPrivateStateOfVersion0(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"with a refresh": nil, "without a refresh": {"-refresh=false"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForgetful(t)
			editPrivate(t, f.w, func(of string, p privateData) privateData { return asVersion0(t, of, p) })
			succeed(t, f.w, "plan", flags...)
			noChanges(t, f.w)
			f.configure(t, "2", "")
			succeed(t, f.w, "apply", flags...)
			wantOrigin(t, f.w, "calico_global_network_policy", "unknown")
			wantOrigin(t, f.w, "calico_felix_configuration", "adopted")
			if p := privateOf(t, f.w, "calico_felix_configuration"); !slices.Equal(slices.Sorted(maps.Keys(p)), []string{"base", "digest"}) {
				t.Errorf("private state still has other keys: %v", slices.Sorted(maps.Keys(p)))
			}
			if value := f.etcd.MustGet(t, forgetfulPolicyKey).Value; !strings.Contains(value, `"note":"others'"`) {
				t.Errorf("stored is %s", value)
			}
			editPrivate(t, f.w, func(of string, p privateData) privateData { return asVersion0(t, of, p) })
			succeed(t, f.w, "destroy", flags...)
			if got := f.etcd.MustGet(t, felixStored).Value; got != othersFelixObject {
				t.Errorf("there is\n%s\nwhere there was\n%s", got, othersFelixObject)
			}
			f.etcd.WantKeys(t, policyKeys)
		})
	}
	t.Run("created", func(t *testing.T) {
		t.Parallel()
		etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
		w := newWorkspace(t, etcdBlock(at(etcd.Endpoints...)), strings.Replace(forgetfulFelix, "%s", "", 1))
		succeed(t, w, "apply")
		wantOrigin(t, w, "calico_felix_configuration", "created")
		editPrivate(t, w, func(of string, p privateData) privateData { return asVersion0(t, of, p) })
		succeed(t, w, "destroy")
		etcd.WantKeys(t, felixStored)
	})
	t.Run("unreadable", func(t *testing.T) {
		t.Parallel()
		f := newForgetful(t)
		felix := f.etcd.MustGet(t, felixStored)
		editPrivate(t, f.w, func(of string, p privateData) privateData {
			p = asVersion0(t, of, p)
			if p["adoption"] != nil {
				p["adoption"] = []byte(`[]`)
			}
			return p
		})
		for _, command := range [][]string{{"plan"}, {"destroy", "-refresh=false"}} {
			fail(t, f.w, command[0], command[1:]...).Says(t, "cannot be read")
		}
		if f.etcd.MustGet(t, felixStored) != felix {
			t.Error("something was written")
		}
	})
}

// Private state goes along where a resource moves, and an import is one.
func TestPrivateStateMoves(t *testing.T) {
	t.Parallel()
	f := newForgetful(t)
	renamed := func(name string, more ...string) {
		t.Helper()
		f.configure(t, "1", "  ipip_mtu = 1400\n")
		content, err := os.ReadFile(filepath.Join(f.w.Dir, "main.tf"))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(content), `" "this" {`, `" "`+name+`" {`)
		if err := f.w.WriteFile("main.tf", text+strings.Join(more, "")); err != nil {
			t.Fatal(err)
		}
	}
	renamed("that")
	for _, of := range []string{"calico_global_network_policy", "calico_felix_configuration"} {
		f.w.MustRun(t, "state", "mv", of+".this", of+".that")
	}
	succeed(t, f.w, "plan")
	noChanges(t, f.w)
	wantOrigin(t, f.w, "calico_felix_configuration", "adopted")
	renamed("another", "\nmoved {\n  from = calico_global_network_policy.that\n  to   = calico_global_network_policy.another\n}\n",
		"\nmoved {\n  from = calico_felix_configuration.that\n  to   = calico_felix_configuration.another\n}\n")
	succeed(t, f.w, "apply")
	wantOrigin(t, f.w, "calico_global_network_policy", "created")
	wantOrigin(t, f.w, "calico_felix_configuration", "adopted")

	for _, of := range []string{"calico_global_network_policy", "calico_felix_configuration"} {
		f.w.MustRun(t, "state", "rm", of+".another")
	}
	renamed("another", "\nimport {\n  to = calico_global_network_policy.another\n  id = \"web\"\n}\n",
		"\nimport {\n  to = calico_felix_configuration.another\n  id = \"default\"\n}\n")
	succeed(t, f.w, "apply")
	wantOrigin(t, f.w, "calico_global_network_policy", "imported")
	wantOrigin(t, f.w, "calico_felix_configuration", "imported")
	succeed(t, f.w, "destroy")
	// What an import finds is what there was before.
	if value := f.etcd.MustGet(t, felixStored).Value; !strings.Contains(value, `"ipipMTU":1400`) {
		t.Errorf("stored is %s", value)
	}
	f.etcd.WantKeys(t, policyKeys)
}

// Version, datastore and origin cost little: every object has them.
func TestPrivateStateIsSmall(t *testing.T) {
	t.Parallel()
	f := newForgetful(t)
	editPrivate(t, f.w, func(of string, p privateData) privateData {
		size := func(p privateData) int {
			text, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			return len(text)
		}
		was, is := size(asVersion0(t, of, p)), size(p)
		if t.Logf("%s: %d bytes, before %d", of, is, was); is > was+70 {
			t.Errorf("%s: private state has grown by %d bytes", of, is-was)
		}
		return p
	})
}
