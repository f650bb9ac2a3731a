package validate

import (
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/objecttest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

func BenchmarkValidate(b *testing.B) {
	p := objecttest.FailsafePolicy()
	b.ReportAllocs()
	for b.Loop() {
		if errs := Validate(p, calico.Newest); len(errs) > 0 {
			b.Fatal(errs.Err())
		}
	}
}

func BenchmarkEncodeOverAStoredValue(b *testing.B) {
	p := objecttest.FailsafePolicy()
	_, base, err := storage.Encode(p, nil, calico.Newest, objecttest.Fresh)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := storage.Encode(p, base, calico.Newest, objecttest.Fresh); err != nil {
			b.Fatal(err)
		}
	}
}
