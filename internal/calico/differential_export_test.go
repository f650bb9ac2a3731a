package calico

// LibcalicoNames is libcalicoNames, for the differential suite. That is in
// package calico_test, as a user of this package, so that what it compares with
// Calico is what the provider calls.
var LibcalicoNames = libcalicoNames

// KnowsField tells whether a release knows a field of the API, such as
// "IPPoolSpec.assignmentMode".
func KnowsField(r Release, field string) bool { return r.knowsField(fieldReleases[field]) }
