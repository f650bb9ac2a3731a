// Nothing is built with this file: it marks the root of the module. What each
// release of Calico needs stands in the file named after it (README.md).
module github.com/calico-terraform/terraform-provider-calico/tools/calico

go 1.26.0
