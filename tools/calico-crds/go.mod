// No package of it is built: the tests read its files (internal/acctest/kubernetes_crds.go).
module github.com/calico-terraform/terraform-provider-calico/tools/calico-crds

go 1.26.0

// The CRDs and admission policies of Calico v3.32.1, byte by byte. Calico itself
// is not served as a module of that release.
require github.com/tigera/operator v1.42.4
