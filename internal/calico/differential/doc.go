// Package differential compares what this project makes of objects with what Calico's own
// code makes of them, and with what a real kube-apiserver makes of them. It has nothing
// but tests.
package differential
