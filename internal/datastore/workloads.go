package datastore

import (
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/cluster"
)

// WorkloadQuestion is what is to be known about workloads: what nobody asks for is not read.
type WorkloadQuestion struct {
	// Peers asks for the workload endpoints, as selectors in rules choose them.
	Peers bool
	// Services asks for what rules mean by a service.
	Services bool
	// Policies asks for policies that are not Calico's own and decide about workloads.
	Policies bool
}

// Any tells whether anything is asked for.
func (q WorkloadQuestion) Any() bool { return q.Peers || q.Services || q.Policies }

// Workloads is what orchestrators have in a datastore and what decides about traffic. It is
// nobody's to write here.
type Workloads struct {
	// Endpoints are the workload endpoints: in etcd those that are stored, in Kubernetes what
	// Calico makes of pods.
	Endpoints []*calico.WorkloadEndpoint
	// Services and Slices are the services of Kubernetes and their endpoints. If there are
	// none for any Felix that uses the datastore, as with etcd, these are empty.
	Services []cluster.Service
	Slices   []cluster.EndpointSlice
	// Policies are what Calico makes of the NetworkPolicies of Kubernetes. (In etcd
	// kube-controllers stores them as NetworkPolicies of Calico.)
	Policies []*cluster.Policy
	// Undecided names policies that Calico enforces, and whose rules are not known here, as
	// part of a sentence; "" for none.
	Undecided string
	// Unread is what was asked for and may not be read.
	Unread []UnreadWorkloads
}

// UnreadWorkloads is something that may not be read.
type UnreadWorkloads struct {
	// Question is the part of the question that has no answer for that.
	Question WorkloadQuestion
	// What names it, such as "pods".
	What string
	// Advice tells in sentences what was refused to whom, and what to do.
	Advice string
}

// Lacks tells whether a part of an answer is missing: the endpoints, the services, or the
// policies.
func (w *Workloads) Lacks() (lacking WorkloadQuestion) {
	for _, u := range w.Unread {
		lacking.Peers = lacking.Peers || u.Question.Peers
		lacking.Services = lacking.Services || u.Question.Services
		lacking.Policies = lacking.Policies || u.Question.Policies
	}
	return lacking
}
