package kubernetes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
)

// In GroupV1 an object is wrapped: its labels and annotations are in the annotation
// projectcalico.org/metadata, and only those of Calico's own domains are real ones. In
// GroupNative it is stored as it is.

// fields are the members of a JSON object.
type fields = map[string]json.RawMessage

// wrapper is what Calico keeps in the annotation projectcalico.org/metadata of an object
// in GroupV1: a part of the metadata of the object in projectcalico.org/v3. members has
// all of it, with what this provider does not know.
type wrapper struct {
	members             fields
	name                string
	labels, annotations map[string]string
}

// parseWrapper reads the annotation. An object that was not made by Calico's tools has
// none, and what is no JSON object is taken for none: Calico does so, too.
func parseWrapper(text string) wrapper {
	var w wrapper
	if text == "" || json.Unmarshal([]byte(text), &w.members) != nil {
		return wrapper{}
	}
	_ = json.Unmarshal(w.members["name"], &w.name)
	_ = json.Unmarshal(w.members["labels"], &w.labels)
	_ = json.Unmarshal(w.members["annotations"], &w.annotations)
	return w
}

// text writes the annotation as Calico does: the members in the order of metadata.
func (w wrapper) text() (string, error) {
	set := func(key string, value map[string]string) error {
		delete(w.members, key)
		if len(value) == 0 {
			return nil
		}
		text, err := json.Marshal(value)
		w.members[key] = text
		return err
	}
	if err := set("labels", w.labels); err != nil {
		return "", err
	}
	if err := set("annotations", w.annotations); err != nil {
		return "", err
	}
	delete(w.members, "name")
	if w.name != "" {
		text, err := json.Marshal(w.name)
		if err != nil {
			return "", err
		}
		w.members["name"] = text
	}
	order := []string{"name", "creationTimestamp", "labels", "annotations"}
	for _, key := range slices.Sorted(maps.Keys(w.members)) {
		if !slices.Contains(order, key) {
			order = append(order, key)
		}
	}
	var b strings.Builder
	for _, key := range order {
		value, ok := w.members[key]
		if !ok {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", key, value)
	}
	return "{" + b.String() + "}", nil
}

// ownDomain tells the labels and annotations that Calico keeps outside the wrapper, too.
func ownDomain(key string) bool {
	return strings.Contains(key, "projectcalico.org/") || strings.Contains(key, "operator.tigera.io/")
}

// meta is the metadata of an object as Kubernetes has it.
type meta struct {
	Name              string            `json:"name"`
	Namespace         string            `json:"namespace,omitempty"`
	UID               string            `json:"uid,omitempty"`
	ResourceVersion   string            `json:"resourceVersion,omitempty"`
	CreationTimestamp json.RawMessage   `json:"creationTimestamp,omitempty"`
	DeletionTimestamp json.RawMessage   `json:"deletionTimestamp,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
	Finalizers        []string          `json:"finalizers,omitempty"`
}

// stored makes of an object that the server has returned what a store hands out: its form
// in projectcalico.org/v3, and the metadata that it has in Kubernetes. The object is not
// decoded yet.
func (a calicoAPI) stored(kind calico.Kind, body []byte) (*datastore.Stored, error) {
	var object fields
	if err := json.Unmarshal(body, &object); err != nil {
		return nil, err
	}
	var m meta
	if err := json.Unmarshal(object["metadata"], &m); err != nil {
		return nil, err
	}
	var own fields
	if err := json.Unmarshal(object["metadata"], &own); err != nil {
		return nil, err
	}
	for _, key := range []string{"managedFields", "resourceVersion", "generation", "selfLink"} {
		delete(own, key)
	}
	stored := &datastore.Stored{Where: a.location(kind, m.Namespace, m.Name).String(), Version: m.ResourceVersion}
	var err error
	if stored.Own, err = marshal(own); err != nil {
		return nil, err
	}

	// Only what belongs to the object in Calico's API is in its metadata there.
	shown := meta{Name: m.Name, Namespace: m.Namespace, UID: m.UID, CreationTimestamp: m.CreationTimestamp, Labels: m.Labels, Annotations: m.Annotations}
	if a.wrapped() {
		w := parseWrapper(m.Annotations[storage.MetadataAnnotation])
		shown.UID = reversed(m.UID)
		shown.Labels, shown.Annotations = merged(m.Labels, w.labels), merged(m.Annotations, w.annotations)
		delete(shown.Annotations, storage.MetadataAnnotation)
		if t := w.members["creationTimestamp"]; t != nil && string(t) != "null" {
			shown.CreationTimestamp = t
		}
		if w.name != "" && kind.Tiered() {
			name, err := marshal(map[string]string{"name": w.name})
			if err != nil {
				return nil, err
			}
			shown.Annotations = merged(shown.Annotations, map[string]string{storage.MetadataAnnotation: string(name)})
		}
	}
	if object["metadata"], err = marshal(shown); err != nil {
		return nil, err
	}
	object["apiVersion"] = json.RawMessage(`"` + v3.GroupVersionCurrent + `"`)
	object["kind"] = json.RawMessage(`"` + string(kind) + `"`)
	raw, err := marshal(object)
	stored.Raw = datastore.RawObject(raw)
	return stored, err
}

// filledIn are the fields of the spec that the API server gives a value if they have none,
// by the schemas of some release.
var filledIn = map[calico.Kind]map[string]string{
	calico.KindBGPConfiguration:             {"logSeverityScreen": `"Info"`, "serviceLoadBalancerAggregation": `"Enabled"`},
	calico.KindFelixConfiguration:           {"nftablesMode": `"Auto"`},
	calico.KindIPPool:                       {"assignmentMode": `"Automatic"`},
	calico.KindKubeControllersConfiguration: {"healthChecks": `"Enabled"`},
	calico.KindStagedGlobalNetworkPolicy:    {"stagedAction": `"Set"`},
	calico.KindStagedNetworkPolicy:          {"stagedAction": `"Set"`},
}

// filledByCalico are those that Calico's own API server gives a value, too, each time that
// it writes an object.
var filledByCalico = map[calico.Kind]map[string]string{
	calico.KindFelixConfiguration: {"bpfConnectTimeLoadBalancing": `"TCP"`, "bpfHostNetworkedNATWithoutCTLB": `"Enabled"`, "floatingIPs": `"Disabled"`},
}

// filled names the fields of an object that the API server may have filled in, and that
// Calico's client would not have, in this release: a schema may be newer than the release.
func (f *facts) filled(kind calico.Kind, name string, raw []byte) ([]string, error) {
	if filledIn[kind] == nil {
		return nil, nil
	}
	spec, err := storage.SpecFields(kind, raw)
	if err != nil {
		return nil, err
	}
	plain := kind.New()
	plain.SetName(name)
	calico.Default(plain, f.release)
	text, err := storage.EncodeSpec(plain)
	if err != nil {
		return nil, err
	}
	byClient, err := storage.SpecFields(kind, text)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, field := range slices.Sorted(maps.Keys(filledIn[kind])) {
		value := filledIn[kind][field]
		// Where the field is not the same as none, it is somebody's unless the schema is
		// one that fills it in.
		differs := field == "nftablesMode" || field == "logSeverityScreen" && name != calico.DefaultName
		if string(spec[field]) == value && string(byClient[field]) != value && (!differs || f.newSchemas) {
			names = append(names, field)
		}
	}
	for field, value := range filledByCalico[kind] {
		if f.aggregated && string(spec[field]) == value {
			names = append(names, field)
		}
	}
	slices.Sort(names)
	return names, nil
}

// body makes of an object in its form of projectcalico.org/v3 what is sent to the server.
// base is what it replaces, nil for a new object: the metadata that it has in Kubernetes,
// of which this provider knows nothing, is kept.
func (a calicoAPI) body(kind calico.Kind, value []byte, base *datastore.Stored) ([]byte, error) {
	var object fields
	if err := json.Unmarshal(value, &object); err != nil {
		return nil, err
	}
	var shown meta
	if err := json.Unmarshal(object["metadata"], &shown); err != nil {
		return nil, err
	}
	own, was := fields{}, meta{}
	var before map[string]map[string]string // labels and annotations of base in Calico's API
	if base != nil {
		if err := json.Unmarshal(base.Own, &own); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(base.Own, &was); err != nil {
			return nil, err
		}
		var old struct {
			Metadata meta `json:"metadata"`
		}
		if err := json.Unmarshal(base.Raw, &old); err != nil {
			return nil, err
		}
		before = map[string]map[string]string{"labels": old.Metadata.Labels, "annotations": old.Metadata.Annotations}
	}
	labels, annotations := shown.Labels, without(shown.Annotations, storage.MetadataAnnotation)
	if a.wrapped() {
		w := parseWrapper(was.Annotations[storage.MetadataAnnotation])
		if w.members == nil {
			w.members = fields{}
		}
		if w.members["creationTimestamp"] == nil {
			w.members["creationTimestamp"] = shown.CreationTimestamp
		}
		w.name = parseWrapper(shown.Annotations[storage.MetadataAnnotation]).name
		labels, w.labels = split(shown.Labels, was.Labels, before["labels"], w.labels)
		annotations, w.annotations = split(annotations, was.Annotations, before["annotations"], w.annotations)
		text, err := w.text()
		if err != nil {
			return nil, err
		}
		annotations = merged(annotations, map[string]string{storage.MetadataAnnotation: text})
	}
	set := map[string]any{"name": shown.Name, "namespace": shown.Namespace, "labels": labels, "annotations": annotations}
	delete(own, "creationTimestamp")
	if base != nil {
		set["resourceVersion"] = base.Version
	}
	for key, value := range set {
		text, err := marshal(value)
		if err != nil {
			return nil, err
		}
		if s := string(text); s == `""` || s == "{}" || s == "null" {
			delete(own, key)
			continue
		}
		own[key] = text
	}
	var err error
	if object["metadata"], err = marshal(own); err != nil {
		return nil, err
	}
	object["apiVersion"] = json.RawMessage(`"` + a.groupVersion() + `"`)
	if kind != calico.KindKubeControllersConfiguration {
		// Where there is a status it is a part that is written apart, and it is Calico's.
		delete(object, "status")
	}
	if a.leavesEmptyOut {
		if object["spec"], err = withoutEmptyEntities(object["spec"]); err != nil {
			return nil, err
		}
	}
	return marshal(object)
}

// split tells which labels (or annotations) of an object in GroupV1 are real ones, and
// which are in the wrapper. now are those of the object in Calico's API; the others are
// those of what it replaces. A real one that others have put there, and that has not
// changed, stays what it is.
func split(now, kept, before, wrapped map[string]string) (nowReal, nowWrapped map[string]string) {
	nowReal, nowWrapped = map[string]string{}, map[string]string{}
	for key, value := range kept {
		_, shown := before[key]
		if _, still := now[key]; still || !shown || storage.MachineAnnotation(key) && key != storage.MetadataAnnotation {
			nowReal[key] = value
		}
	}
	for key, value := range now {
		old, isReal := kept[key]
		_, isWrapped := wrapped[key]
		if isReal && !isWrapped && old == value {
			continue
		}
		nowWrapped[key] = value
		if isReal || ownDomain(key) {
			nowReal[key] = value
		}
	}
	delete(nowReal, storage.MetadataAnnotation)
	return nowReal, nowWrapped
}

// merged returns the members of both; those of over win. It is nil if there are none.
func merged(m, over map[string]string) map[string]string {
	if len(m)+len(over) == 0 {
		return nil
	}
	all := map[string]string{}
	maps.Copy(all, m)
	maps.Copy(all, over)
	return all
}

func without(m map[string]string, key string) map[string]string {
	c := maps.Clone(m)
	delete(c, key)
	return c
}

// reversed is the uid that Calico shows for an object in GroupV1: that of the object in
// Kubernetes, with the bits of each byte in reverse, but for the two that hold the kind of
// a uid. Done twice, it is what it was. A text that is no uid is returned as it is.
func reversed(uid string) string {
	digits := strings.ReplaceAll(uid, "-", "")
	if len(digits) != 32 || len(uid) != 36 {
		return uid
	}
	var out []byte
	for i := range 16 {
		var b byte
		if _, err := fmt.Sscanf(digits[2*i:2*i+2], "%02x", &b); err != nil {
			return uid
		}
		if i != 6 && i != 8 {
			var r byte
			for range 8 {
				r, b = r<<1|b&1, b>>1
			}
			b = r
		}
		out = append(out, b)
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", out[:4], out[4:6], out[6:8], out[8:10], out[10:])
}

// withoutEmptyEntities leaves out the source and destination of rules that say nothing,
// as Calico does in Kubernetes from v3.32 on.
func withoutEmptyEntities(spec json.RawMessage) (json.RawMessage, error) {
	if !bytes.Contains(spec, []byte(`"source":{}`)) && !bytes.Contains(spec, []byte(`"destination":{}`)) {
		return spec, nil
	}
	var members fields
	if err := json.Unmarshal(spec, &members); err != nil {
		return nil, err
	}
	for _, list := range []string{"ingress", "egress"} {
		if members[list] == nil {
			continue
		}
		var rules []fields
		if err := json.Unmarshal(members[list], &rules); err != nil {
			return nil, err
		}
		for _, rule := range rules {
			for _, entity := range []string{"source", "destination"} {
				if string(rule[entity]) == "{}" {
					delete(rule, entity)
				}
			}
		}
		text, err := marshal(rules)
		if err != nil {
			return nil, err
		}
		members[list] = text
	}
	return marshal(members)
}

// marshal writes JSON without escapes of what only HTML needs.
func marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
