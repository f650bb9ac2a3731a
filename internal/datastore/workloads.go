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
}

// Any tells whether anything is asked for.
func (q WorkloadQuestion) Any() bool { return q.Peers || q.Services }

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

// Lacks tells whether a part of an answer is missing: the endpoints, or the services.
func (w *Workloads) Lacks() (lacking WorkloadQuestion) {
	for _, u := range w.Unread {
		lacking.Peers = lacking.Peers || u.Question.Peers
		lacking.Services = lacking.Services || u.Question.Services
	}
	return lacking
}
