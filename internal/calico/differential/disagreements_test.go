package differential

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
)

// disagreements compares the verdicts, and what comes with them.
func disagreements(release calico.Release, ours judged, theirs checked) []string {
	ours.errs = withoutStricter(release, ours)
	strict := len(ours.errs)
	ours.errs = slices.DeleteFunc(slices.Clone(ours.errs), func(e *calico.FieldError) bool { return isStricter(ours.obj, e) })
	if len(ours.errs) == 0 && strict > 0 && theirs.Valid {
		return nil
	}
	switch accepted := ours.decodeError == nil && len(ours.errs) == 0; {
	case theirs.Failed != "":
		return []string{"the oracle failed: " + theirs.Failed}
	case accepted && !theirs.Valid:
		return []string{"we accept it, Calico rejects it"}
	case !accepted && theirs.Valid:
		return []string{"Calico accepts it, we reject it"}
	case accepted:
		return differentBytes(release, ours.obj, theirs)
	case ours.decodeError != nil || theirs.DecodeError != "":
		// Who cannot read a manifest names no fields.
		return nil
	default:
		return differentFields(ours.errs, theirs)
	}
}

// isStricter tells what we refuse although Calico does not, as it does harm: a
// namespace with a '/', which Calico does not find again, and an empty text in a
// set of networks, which ends every Felix that reads it.
func isStricter(obj calico.Object, e *calico.FieldError) bool {
	field := e.Field.String()
	return field == "metadata.namespace" && strings.Contains(obj.GetNamespace(), "/") && calico.KindOf(obj).Namespaced() ||
		strings.HasPrefix(field, "spec.nets[") && e.Value == ""
}

// differentBytes compares what is stored, and where.
func differentBytes(release calico.Release, obj calico.Object, theirs checked) []string {
	var stored struct {
		Metadata struct {
			UID     string    `json:"uid"`
			Created time.Time `json:"creationTimestamp"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal([]byte(theirs.Stored), &stored); err != nil {
		return []string{"what Calico stores cannot be read: " + err.Error()}
	}
	// With their uid and creation time even these must come out the same.
	fresh := storage.Fresh{UID: stored.Metadata.UID, Created: stored.Metadata.Created}
	name, value, err := storage.Encode(asCalicoFills(obj, release), nil, release, fresh)
	if err != nil {
		return []string{"Encode: " + err.Error()}
	}
	var problems []string
	theirs.Stored = withoutEmptyFailsafeFields(release, obj, theirs.Stored)
	if string(value) != theirs.Stored {
		problems = append(problems, "we store "+brief(string(value)))
	}
	id := calico.IDOf(obj)
	found := name
	if id.Kind.Namespaced() {
		found = id.Namespace + "/" + name
	}
	if key := "/calico/resources/v3/projectcalico.org/" + id.Kind.Plural() + "/" + found; key != theirs.StoredKey {
		problems = append(problems, "we store it at "+key)
	}
	if want := storage.NamingOf(release).StoredName(id); want != path.Base(theirs.StoredKey) {
		problems = append(problems, "StoredName is "+want)
	}
	if _, ok := obj.GetAnnotations()[storage.MetadataAnnotation]; ok && id.Kind.Tiered() && storage.NamingOf(release) < storage.NamingAnnotated {
		// To releases that do not write this annotation themselves it is any other:
		// they store what a user put there. Later ones, and Decode with them, take
		// the policy's name from it.
		return problems
	}
	// And what Calico stored is, to us, what the user wrote.
	back, err := storage.Decode(id.Kind, found, []byte(theirs.Stored))
	if err != nil {
		return append(problems, "Decode: "+err.Error())
	}
	if !calico.Equal(withoutMachinery(back), withoutMachinery(asCalicoFills(obj, release))) {
		problems = append(problems, fmt.Sprintf("Decode makes something else of it: %+v", back))
	}
	return problems
}

// withoutMachinery returns a copy without the labels and annotations that
// machinery owns: Decode does not show them, even where a user wrote them.
func withoutMachinery(obj calico.Object) calico.Object {
	c, _ := obj.DeepCopyObject().(calico.Object)
	for key := range c.GetLabels() {
		if storage.MachineLabel(calico.KindOf(c), key) {
			delete(c.GetLabels(), key)
		}
	}
	for key := range c.GetAnnotations() {
		if storage.MachineAnnotation(key) {
			delete(c.GetAnnotations(), key)
		}
	}
	return c
}

// differentFields compares the fields that are at fault, as far as Calico's
// report says which they are. A report is a list of names and values, without
// paths: "Nets[1]" with "10.0.0.1/8", of whichever rule. LibcalicoNames has the
// names under which Calico reports a field of ours. That the two agree means:
//
//   - Each of Calico's faults is one of ours: we report a field that has this
//     name, and its value, where Calico gives a plain one, is the same.
//   - Each of ours is one of Calico's: it has a fault with a name of this field.
//   - From v3.32 on some faults come from the schema. These have a path: it is
//     that of a field of ours, or leads to it, or lies below it.
//   - That a policy's name does not begin with its tier is a plain error of the
//     client, after all fields were found to be good: then metadata.name is the
//     only one of ours. Where fields are at fault, Calico does not get there.
//   - Names of policies that Kubernetes owns, the name of Calico's own profile,
//     and a namespace, calicoctl refuses before it looks at the fields: then
//     metadata.name or metadata.namespace is among ours.
//   - Of a staged policy that deletes one, but has more fields, Calico looks at
//     these fields too. We say no more than that they are to be removed.
//   - Where Calico panics, it reports nothing; then ours is a namespaceSelector
//     that does not parse, the one fault that Calico (up to v3.29) panics on.
//
// Calico's text and value do not always tell two fields of one name apart, such
// as selector and serviceAccounts.selector, protocol and notProtocol, or the
// same field of source and destination; then either explains it.
//   - The clients of some kinds check some fields before, or after, all others are
//     looked at, and only if nothing is wrong with those: see stopsEarly and
//     comesLast. What Calico then does not get to is only ours.
func differentFields(errs calico.FieldErrors, theirs checked) []string {
	switch {
	case theirs.ErrorType == "panic":
		return differentPanic(errs, theirs)
	case len(theirs.Errors) == 0:
		return differentError(errs, theirs)
	}
	var problems []string
	explained := make([]bool, len(errs))
	removed := slices.ContainsFunc(theirs.Errors, func(f fieldFault) bool {
		return f.Field == "StagedNetworkPolicySpec" || f.Field == "StagedGlobalNetworkPolicySpec"
	})
	for _, fault := range theirs.Errors {
		found := removed && !strings.HasPrefix(fault.Field, "Metadata.Name") && !strings.HasPrefix(fault.Field, "Metadata.Labels") ||
			strings.HasPrefix(fault.Reason, "no such key: name evaluating rule") || // beside Metadata.Name
			len(errs) > 0 && isSchemaSummary(fault)
		for i, e := range errs {
			switch {
			case samePath(e.Field, fault.Field):
				explained[i], found = true, true
			case hasName(e.Field, fault.Field):
				explained[i] = true
				found = found || sameValue(e, fault)
			}
		}
		if !found {
			problems = append(problems, fmt.Sprintf("only Calico reports %s = %.100q (%.200s)", fault.Field, fault.Value, fault.Reason))
		}
	}
	for i, e := range errs {
		if !explained[i] && !comesLast(e) && !stopsEarly(theirs) {
			problems = append(problems, fmt.Sprintf("only we report %.400s", e))
		}
	}
	return problems
}

// isSchemaSummary tells whether a fault is the schema's verdict on a whole object,
// beside that on the part of it that is at fault.
func isSchemaSummary(f fieldFault) bool {
	return strings.Contains(f.Reason, "must validate all the schemas")
}

func hasName(field calico.Path, name string) bool {
	if strings.HasPrefix(name, "KubeControllersConfiguration.Node.HostEndpoint.Templates") {
		// The name of the template comes after it.
		return field.HasPrefix(calico.NewPath("spec", "controllers", "node", "hostEndpoint", "templates"))
	}
	names, ok := objecttest.LibcalicoNames(field)
	return ok && slices.Contains(names, name)
}

// samePath tells whether a fault of the schema's lies at, above or below a field.
func samePath(field calico.Path, fault string) bool {
	ours := field.String()
	return strings.HasPrefix(fault, "spec") && (strings.HasPrefix(ours, fault) || strings.HasPrefix(fault, ours))
}

// sameValue tells whether a fault of Calico's can be of the value that ours is.
func sameValue(e *calico.FieldError, fault fieldFault) bool {
	ours, theirs := fmt.Sprint(e.Value), fault.Value
	switch {
	case e.Value == nil || theirs == "" || theirs == "<nil>" || strings.HasPrefix(theirs, "0x") || strings.ContainsAny(theirs[:1], "&[{") || strings.HasPrefix(theirs, "map["):
		// Missing, a pointer, a list, a map or all of an object.
		return true
	case strings.HasPrefix(fault.Field, "GlobalNetworkPolicySpec."):
		// Of all three selectors of a policy Calico prints spec.selector.
		return true
	case fault.Field == "IPPool.Spec.CIDR" || fault.Field == "IPpool.CIDR":
		// Calico has normalised it before it looks.
		return calico.CanonicalNet(ours) == theirs || ours == theirs
	case fault.Field == "Port":
		// Of a range of ports Calico prints the end that is wrong.
		low, high, _ := strings.Cut(ours, ":")
		return theirs == low || theirs == high
	default:
		return ours == theirs
	}
}

func differentPanic(errs calico.FieldErrors, theirs checked) []string {
	for _, e := range errs {
		if e.Field.String() == "spec.bpfExportBufferSizeMB" {
			return nil // whose tag is that of a list
		}
		if hasName(e.Field, "NamespaceSelector field") {
			return nil
		}
	}
	return []string{"Calico panics, and we report no namespaceSelector of a rule: " + theirs.Error}
}

// isTierPrefix tells whether a fault is that a policy's name does not begin with
// its tier: the one of the name that depends on another field.
func isTierPrefix(e *calico.FieldError) bool {
	return e.Field.String() == "metadata.name" && e.Within().IsRoot()
}

// differentError compares with an error of Calico that is no list of fields.
func differentError(errs calico.FieldErrors, theirs checked) []string {
	reports := func(field string) bool {
		return slices.ContainsFunc(errs, func(e *calico.FieldError) bool { return e.Field.String() == field })
	}
	switch {
	case theirs.ErrorType == "errors.ErrorOperationNotSupported" && reports("metadata.name"),
		strings.Contains(theirs.Error, "resource already exists: "+validate.DefaultAllowProfile) && reports("metadata.name"),
		strings.Contains(theirs.Error, "namespace should not be specified") && reports("metadata.namespace"):
		return nil
	case strings.Contains(theirs.Error, "name other than \"default\"") && len(errs) == 1 && reports("metadata.name"):
		return nil
	case strings.Contains(theirs.Error, "Incorrectly formatted policy name") && len(errs) == 1 && isTierPrefix(errs[0]):
		return nil
	}
	return []string{"Calico's error is of no field that we report: " + theirs.Error}
}

// stopsEarly tells whether the client of a kind has rejected an object before it
// called the validator.
func stopsEarly(theirs checked) bool {
	return slices.ContainsFunc(theirs.Errors, func(f fieldFault) bool {
		return strings.HasPrefix(f.Field, "IPPool.Spec.") || strings.HasPrefix(f.Field, "KubeControllersConfiguration.") || f.Field == "BGPPeer.Spec.Filters"
	})
}

// comesLast tells whether a fault is one that Calico's client looks for after the
// validator has found none: that a field is for another name only, and that a
// KubeControllersConfiguration has another name.
func comesLast(e *calico.FieldError) bool {
	return e.Scope != nil && e.Scope.IsRoot() || e.Field.String() == "metadata.name" && strings.Contains(e.Reason, "one KubeControllersConfiguration")
}

// stricter has the fields of a FelixConfiguration for which we reject values that
// Calico's client accepts, and why.
var stricter = map[string]string{
	"failsafeInboundHostPorts":       "Felix exits on a protocol other than tcp and udp and panics on a network that is none; port 0 opens nothing",
	"failsafeOutboundHostPorts":      "likewise",
	"nodeSelector":                   "Felix passes over an object with a selector that it cannot read",
	"istioDSCPMark":                  "Felix takes its default for what it cannot read",
	"metadataAddr":                   "die-on-fail in Felix",
	"metadataPort":                   "die-on-fail in Felix",
	"interfacePrefix":                "die-on-fail in Felix",
	"chainInsertMode":                "die-on-fail in Felix; from v3.32 on the schema rejects it too",
	"iptablesMarkMask":               "die-on-fail in Felix",
	"nftablesMarkMask":               "die-on-fail in Felix",
	"bpfConnectTimeLoadBalancing":    "where bpfConnectTimeLoadBalancingEnabled is set Calico's client overwrites it before it is checked; we store what is written",
	"bpfHostNetworkedNATWithoutCTLB": "likewise",
}

// withoutStricter returns the faults that are Calico's too.
func withoutStricter(release calico.Release, ours judged) calico.FieldErrors {
	felix, ok := ours.obj.(*calico.FelixConfiguration)
	if !ok || ours.decodeError != nil {
		return ours.errs
	}
	return slices.DeleteFunc(slices.Clone(ours.errs), func(e *calico.FieldError) bool {
		if strings.Contains(e.Reason, "the object is for no node") {
			return true // Felix passes over it
		}
		steps := e.Field.Steps()
		if len(steps) < 2 || stricter[steps[1].Field] == "" || strings.Contains(e.Reason, "does not know this field") {
			return false
		}
		switch name := steps[1].Field; name {
		case "chainInsertMode":
			return !release.AtLeast(3, 32, 0)
		case "bpfConnectTimeLoadBalancing", "bpfHostNetworkedNATWithoutCTLB":
			return felix.Spec.BPFConnectTimeLoadBalancingEnabled != nil //nolint:staticcheck // deprecated, and in use
		default:
			return true
		}
	})
}
