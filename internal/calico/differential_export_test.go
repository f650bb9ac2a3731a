package calico

// LibcalicoNames is libcalicoNames, for the differential suite. That is in
// package calico_test, as a user of this package, so that what it compares with
// Calico is what the provider calls.
var LibcalicoNames = libcalicoNames
