package calico

import "testing"

func BenchmarkValidate(b *testing.B) {
	p := failsafePolicy()
	b.ReportAllocs()
	for b.Loop() {
		if errs := Validate(p, Newest); len(errs) > 0 {
			b.Fatal(errs.Err())
		}
	}
}

func BenchmarkEncodeOverAStoredValue(b *testing.B) {
	p := failsafePolicy()
	_, base, err := Encode(p, nil, Newest, fresh)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Encode(p, base, Newest, fresh); err != nil {
			b.Fatal(err)
		}
	}
}
