package acctest

import (
	"math/rand/v2"
	"reflect"
	"strings"

	"github.com/projectcalico/api/pkg/lib/numorstring"
)

// RandomValue makes a value of a type of Calico's API, such as a rule, with some of
// its fields set, in the form that decoding gives them: absent rather than empty.
// The larger the depth, the more fields of the structs inside are set. It panics
// for a type that has a field of a kind that it does not know.
func RandomValue(r *rand.Rand, t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	switch t {
	case reflect.TypeFor[numorstring.Protocol]():
		if r.IntN(2) == 0 {
			return reflect.ValueOf(numorstring.ProtocolFromInt(uint8(1 + r.IntN(255))))
		}
		return reflect.ValueOf(numorstring.ProtocolFromString([]string{"TCP", "UDP", "ICMP", "SCTP"}[r.IntN(4)]))
	case reflect.TypeFor[numorstring.Port]():
		first := uint16(1 + r.IntN(1000))
		return reflect.ValueOf([]numorstring.Port{numorstring.SinglePort(first), {MinPort: first, MaxPort: first + 5}, numorstring.NamedPort("ssh")}[r.IntN(3)])
	}
	switch t.Kind() {
	case reflect.String:
		v.SetString(string(rune('a'+r.IntN(26))) + strings.Repeat("x", r.IntN(4)))
	case reflect.Int:
		v.SetInt(int64(r.IntN(256)))
	case reflect.Uint16:
		v.SetUint(uint64(1 + r.IntN(65535)))
	case reflect.Pointer:
		if e := RandomValue(r, t.Elem(), depth); e.Kind() != reflect.Struct || !e.IsZero() {
			v.Set(reflect.New(t.Elem()))
			v.Elem().Set(e)
		}
	case reflect.Slice:
		seen := map[any]bool{}
		for range 1 + r.IntN(3) {
			e := RandomValue(r, t.Elem(), depth)
			if e.Comparable() && seen[e.Interface()] {
				continue // a set holds an element once
			}
			if e.Comparable() {
				seen[e.Interface()] = true
			}
			v.Set(reflect.Append(v, e))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		for range 1 + r.IntN(3) {
			v.SetMapIndex(RandomValue(r, t.Key(), depth), RandomValue(r, t.Elem(), depth))
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if r.IntN(depth+1) > 0 {
				v.Field(i).Set(RandomValue(r, t.Field(i).Type, depth-1))
			}
		}
	default:
		panic(t.String())
	}
	return v
}
