package differential

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	jsoniter "github.com/json-iterator/go"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"sigs.k8s.io/yaml"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
)

// judged is what our code makes of a manifest.
type judged struct {
	decodeError error
	errs        calico.FieldErrors
	obj         calico.Object
}

func (j judged) String() string {
	switch {
	case j.decodeError != nil:
		return "cannot decode it: " + j.decodeError.Error()
	case len(j.errs) > 0:
		return "rejected:\n" + brief(j.errs.Err().Error())
	default:
		return "accepted"
	}
}

func (c checked) String() string {
	switch {
	case c.Valid:
		return "stored at " + c.StoredKey + ": " + brief(c.Stored)
	case c.DecodeError != "":
		return "cannot decode it: " + brief(c.DecodeError)
	default:
		return brief(fmt.Sprintf("%s: %+q %s", c.ErrorType, c.Errors, c.Error))
	}
}

// judge takes the way of the provider, from the manifest on.
func judge(release calico.Release, kind calico.Kind, text string) judged {
	var j judged
	if j.obj, j.decodeError = readManifest(kind, text); j.decodeError != nil {
		return j
	}
	if kind.Namespaced() && j.obj.GetNamespace() == "" {
		j.obj.SetNamespace("default") // as calicoctl does
	}
	calico.Default(j.obj, release)
	j.errs = validate.Validate(j.obj, release)
	return j
}

// readManifest reads a manifest as calicoctl does.
func readManifest(kind calico.Kind, text string) (calico.Object, error) {
	obj := kind.New()
	err := decodeStrictly(text, obj)
	if err == nil {
		return obj, nil
	}
	// As calicoctl reads manifests as YAML, it takes a number or a boolean for the text
	// of it where a text belongs. Terraform has done that by itself before a provider
	// gets to see a value.
	obj = kind.New()
	if decodeStrictly(asYAML(text, reflect.TypeOf(obj)), obj) == nil {
		return obj, nil
	}
	return obj, err
}

// decodeStrictly reads a manifest with the decoder and settings of storage.Decode, but
// for unknown fields: calicoctl refuses them, and there are none in Terraform's schema.
func decodeStrictly(text string, obj calico.Object) error {
	decoder := jsoniter.ConfigCompatibleWithStandardLibrary.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(obj)
}

// asYAML returns a manifest as a reader of YAML takes it: with a text in place of each
// number and boolean that stands where the type has a text, and a whole number in place
// of one that is written as a fraction or with an exponent. The YAML library does the
// same, but not within the embedded structs of this project's own types.
func asYAML(manifest string, t reflect.Type) string {
	decoder := json.NewDecoder(strings.NewReader(manifest))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return manifest
	}
	out, err := json.Marshal(yamlValue(value, t))
	if err != nil {
		return manifest
	}
	return string(out)
}

func yamlValue(value any, t reflect.Type) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return value // such as a port, which reads numbers by itself
	}
	switch v := value.(type) {
	case json.Number, bool:
		var text string
		if t.Kind() == reflect.String && yaml.Unmarshal(fmt.Append(nil, v), &text) == nil {
			return text
		}
		if n, ok := v.(json.Number); ok && t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64 {
			if f, err := n.Float64(); err == nil && f == float64(int64(f)) && strings.ContainsAny(n.String(), ".eE") {
				return int64(f)
			}
		}
	case []any:
		if t.Kind() == reflect.Slice {
			for i := range v {
				v[i] = yamlValue(v[i], t.Elem())
			}
		}
	case map[string]any:
		for key := range v {
			switch t.Kind() {
			case reflect.Map:
				v[key] = yamlValue(v[key], t.Elem())
			case reflect.Struct:
				if f, ok := fieldOf(t, key); ok {
					v[key] = yamlValue(v[key], f)
				}
			default: // an object in the place of a scalar stays as it is
			}
		}
	}
	return value
}

// fieldOf returns the type of the field that a key of a JSON object is decoded into.
func fieldOf(t reflect.Type, key string) (reflect.Type, bool) {
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); strings.EqualFold(name, key) {
			return f.Type, true
		}
	}
	return nil, false
}

// asCalicoFills returns the object with what Calico's client fills in in a
// FelixConfiguration. We leave it out: in the object of a node it would pin the
// defaults of the object for all nodes.
func asCalicoFills(obj calico.Object, release calico.Release) calico.Object {
	felix, ok := obj.(*calico.FelixConfiguration)
	if !ok {
		return obj
	}
	felix = felix.DeepCopy()
	s := &felix.Spec
	if s.FloatingIPs == nil {
		s.FloatingIPs = ptr(v3.FloatingIPsDisabled)
	}
	if s.BPFConnectTimeLoadBalancing == nil {
		s.BPFConnectTimeLoadBalancing = ptr(v3.BPFConnectTimeLBTCP)
	}
	if s.BPFHostNetworkedNATWithoutCTLB == nil {
		s.BPFHostNetworkedNATWithoutCTLB = ptr(v3.BPFHostNetworkedNATEnabled)
	}
	if on := s.BPFConnectTimeLoadBalancingEnabled; on != nil { //nolint:staticcheck // deprecated, and in use
		s.BPFHostNetworkedNATWithoutCTLB = ptr(v3.BPFHostNetworkedNATDisabled)
		s.BPFConnectTimeLoadBalancing = ptr(v3.BPFConnectTimeLBDisabled)
		if *on {
			s.BPFConnectTimeLoadBalancing = ptr(v3.BPFConnectTimeLBEnabled)
		}
	}
	if s.NFTablesMode == nil && release.AtLeast(3, 32, 0) {
		s.NFTablesMode = ptr(v3.NFTablesModeAuto)
	}
	return felix
}

func ptr[T any](v T) *T { return &v }

// withoutEmptyFailsafeFields leaves out of what Calico stores the fields of
// failsafe ports that it writes up to v3.29 although they are empty. We write the
// form of later releases to all of them: to Felix it is the same.
func withoutEmptyFailsafeFields(release calico.Release, obj calico.Object, stored string) string {
	if _, ok := obj.(*calico.FelixConfiguration); !ok || release.AtLeast(3, 30, 0) {
		return stored
	}
	return strings.NewReplacer(`,"net":""`, "", `"protocol":"",`, "").Replace(stored)
}
