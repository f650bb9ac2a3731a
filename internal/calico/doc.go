// Package calico holds Calico's own rules as plain Go: which kinds of objects there are and
// how they are named, what Calico fills in, and when two objects mean the same. How an
// object is stored in each release is in package storage, and what Calico rejects in package
// validate. It does no I/O and knows neither Terraform nor a datastore.
//
// # What is the same
//
// Things are the same in five ways. Each has one implementation, and one use.
//
//   - Two spellings of one value: CanonicalNet, CanonicalIP, CanonicalPort and the others
//     of their kind. The attributes of Terraform use them, so that 10.0.0.0/08 is no change
//     of 10.0.0.0/8, and so does Canonical.
//   - Two objects that mean the same to Calico: Equal, which compares what Canonical makes
//     of each. Plans use it: what means what is stored already is no change, in whatever
//     order and spelling, and whichever release has filled in its defaults. What is filled
//     in and means the same as absence is in fillImplied; what Default fills in beside that
//     is a difference.
//   - Two stored values of one object between which nobody has changed anything:
//     storage.ContentChanges, by which a store tells a conflict. It compares canonical
//     forms, with all that package storage does not know, and without what Calico writes
//     for itself.
//   - A stored value that is exactly what a create would store: storage.CreationChanges, by
//     which adopt_identical takes an object. Not even a spelling may differ: only uid and
//     creation time do.
//   - Two names of one object: ID.Short, as releases store a policy under several names.
//
// Bytes are compared nowhere to tell a change: another tool may write the same object in
// another order. (A store compares them to recognise its own write: uid and creation time
// make them unique.)
package calico
