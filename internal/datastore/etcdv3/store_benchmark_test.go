package etcdv3

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/storage"
)

// BenchmarkRefresh reads ten thousand host endpoints, as a refresh of a large
// configuration does, and tells how many requests that took.
func BenchmarkRefresh(b *testing.B) {
	const hosts = 10_000
	etcd := acctest.NewEtcd(b, acctest.WithCalico("v3.31.0"))
	for i := range hosts {
		h := endpoint(fmt.Sprintf("host-%05d", i))
		name, value, err := storage.Encode(h, nil, calico.Newest, storage.Fresh{UID: fmt.Sprint(i)})
		if err != nil {
			b.Fatal(err)
		}
		etcd.Put(b, endpoints+name, string(value))
	}
	for b.Loop() {
		calls := etcd.CallsDuring(b, func() {
			store, err := New(b.Context(), Config{Endpoints: etcd.Endpoints, RequestTimeout: patience}, Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = store.Close() }()
			for i := range hosts {
				if _, err := store.Get(b.Context(), endpointID(fmt.Sprintf("host-%05d", i))); err != nil {
					b.Fatal(err)
				}
			}
		})
		total := 0
		for method, n := range calls {
			if !strings.Contains(method, "Status") {
				total += n
			}
		}
		b.ReportMetric(float64(total), "requests/op")
	}
}
