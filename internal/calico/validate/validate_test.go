package validate

import (
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
)

// fault is what a test expects of a FieldError.
type fault struct {
	field string
	// within is the Scope, or "" where it is the field itself.
	within string
	// reason is a part of the Reason, most often the advice.
	reason string
}

// object is the Scope of faults that depend on the whole object.
const object = "the object"

func at(field, reason string) fault { return fault{field: field, reason: reason} }

func in(within, field, reason string) fault {
	return fault{field: field, within: within, reason: reason}
}

// sentence is what every Reason must look like.
var sentence = regexp.MustCompile(`^[A-Z][^\n]*\.$`)

// checkFaults validates the object and expects these faults, in this order.
func checkFaults(t *testing.T, obj calico.Object, r calico.Release, want ...fault) {
	t.Helper()
	errs := Validate(obj, r)
	ok := len(errs) == len(want)
	for i := 0; ok && i < len(want); i++ {
		within := ""
		switch {
		case errs[i].Scope == nil:
		case errs[i].Scope.IsRoot():
			within = object
		default:
			within = errs[i].Scope.String()
		}
		ok = errs[i].Field.String() == want[i].field && within == want[i].within && strings.Contains(errs[i].Reason, want[i].reason)
	}
	if !ok {
		t.Errorf("in %s: got\n%v\nwant\n%v", r, errs.Err(), want)
	}
	checkForm(t, errs)
}

// checkForm checks what holds for every list of faults.
func checkForm(t *testing.T, errs calico.FieldErrors) {
	t.Helper()
	for _, e := range errs {
		if !sentence.MatchString(e.Reason) || strings.Contains(e.Reason, "%!") {
			t.Errorf("%s: the reason is no sentence: %q", e.Field, e.Reason)
		}
		if !e.Field.HasPrefix(e.Within()) {
			t.Errorf("%s is not within its scope, %s", e.Field, e.Within())
		}
		if e.Scope != nil && len(e.Scope.Steps()) == len(e.Field.Steps()) {
			t.Errorf("%s: a scope that is the field is left out", e.Field)
		}
		if names, ok := objecttest.LibcalicoNames(e.Field); !ok {
			t.Errorf("%s is not in the table of libcalico-go's names (%v)", e.Field, names)
		}
	}
}

func TestValidateNothing(t *testing.T) {
	var none *v3.HostEndpoint
	var no *v3.GlobalNetworkPolicy
	var noTier *v3.Tier
	var noStaged *v3.StagedNetworkPolicy
	for _, obj := range []calico.Object{nil, none, no, noTier, noStaged} {
		if errs := Validate(obj, calico.Newest); len(errs) != 1 || !errs[0].Field.IsRoot() {
			t.Errorf("Validate(%T(nil)) = %v", obj, errs.Err())
		}
	}
	// Objects whose kind is not filled in are of their type's kind.
	checkFaults(t, &v3.HostEndpoint{}, objecttest.V3310,
		at("metadata.name", "needs a name"),
		at("spec.node", "needs the name of its node"),
		in("spec", "spec.interfaceName", `or "*" for all`))
	checkFaults(t, &v3.GlobalNetworkPolicy{}, objecttest.V3310, at("metadata.name", "needs a name"))
}

func TestValidateUnknownKind(t *testing.T) {
	for name, f := range map[string]func(){
		"Validate":  func() { Validate(v3.NewClusterInformation(), calico.Newest) },
		"Default":   func() { calico.Default(v3.NewClusterInformation(), calico.Newest) },
		"Canonical": func() { calico.Canonical(v3.NewClusterInformation()) },
		"Equal":     func() { calico.Equal(v3.NewClusterInformation(), v3.NewClusterInformation()) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic for a kind without rules")
				}
			}()
			f()
		})
	}
}

// TestValidateRandom checks what holds for every object, and that no object,
// however odd, makes Validate panic.
func TestValidateRandom(t *testing.T) {
	accepted, cases := 0, uint64(1000)
	if testing.Short() {
		cases = 200
	}
	for n := range cases {
		r := objecttest.NewRandom(n)
		obj := r.Object()
		before := obj.DeepCopyObject()
		for _, release := range objecttest.Releases {
			errs := Validate(obj, release)
			checkForm(t, errs)
			if len(errs) == 0 {
				accepted++
			}
			if err := errs.Err(); (err == nil) != (len(errs) == 0) {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(before, obj) {
			t.Error("Validate changed the object")
		}
		if t.Failed() {
			t.Fatalf("object %d", n)
		}
	}
	if accepted < int(cases/2) {
		t.Errorf("only %d random objects were accepted: they tell little", accepted)
	}
}

func TestLibcalicoNames(t *testing.T) {
	field := calico.NewPath("spec", "egress").Index(3).Field("destination").Field("notNets").Index(1)
	if names, ok := objecttest.LibcalicoNames(field); !ok || !slices.Equal(names, []string{"NotNets[1]", "Destination.NotNets"}) {
		t.Errorf("got %q, %v", names, ok)
	}
	if _, ok := objecttest.LibcalicoNames(calico.NewPath("spec", "nothing")); ok {
		t.Error("a field that does not exist has names")
	}
}

func TestFieldErrorsErr(t *testing.T) {
	errs := Validate(v3.NewHostEndpoint(), objecttest.V3310)
	var e *calico.FieldError
	if err := errs.Err(); !errors.As(err, &e) || e.Field.String() != "metadata.name" {
		t.Errorf("got %v", err)
	}
}
