// Package cluster holds those of Kubernetes' own objects that Calico makes endpoints,
// profiles and policies of, and makes them as Calico does: a WorkloadEndpoint of a pod, a
// profile of a namespace and of a service account, a policy of a NetworkPolicy. It does
// no I/O. The objects have only the fields that this needs, named as in Kubernetes, so
// that a whole object can be decoded into them.
//
// In a Kubernetes datastore Felix learns of these objects directly. In an etcd datastore
// the CNI plugin stores the WorkloadEndpoints, and kube-controllers the profiles and the
// policies, of the same content: then they are read as any other object of Calico's.
//
// What is said of Calico here is from libcalico-go/lib/backend/k8s/conversion of v3.28.5,
// v3.31.0 and v3.32.1, which do the same but for the name of a policy.
package cluster
