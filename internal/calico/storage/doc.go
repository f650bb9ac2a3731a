// Package storage is how an object is stored: the JSON that a release of Calico keeps in
// etcd and the name under which it does (Encode, Decode, Naming), what tells by which
// release a datastore is used (Evidence), and what becomes of the fields that nobody here
// knows (UnknownFields, SpecPatch). A manifest is the same JSON without what the datastore
// adds (Manifest).
//
// What an object means, whichever way it is stored, is in package calico, which knows
// nothing of this one. It does no I/O.
package storage
