package etcdv3

import (
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// A request that got no answer is not gone. A member that was stopped, or a network
// that came to life again, may deliver it hours later, long after it was sent again
// and done by another member; and nothing bounds how long. So what a request compares
// must not hold any more by then. A create compares that its object is not there,
// which holds again once the object is deleted: the object would come back, in no
// state. An update, a patch, a delete and a change of a policy's name compare the
// revision of what they change, which never comes back once one of their requests is
// done; but if none is done, and Terraform is told so, a late one would still be.
//
// Therefore every write also compares the revision of one key, the fence, and no
// request is sent again, or given up, before the fence was moved, which is to write
// the key (see withdraw). A moved fence never gets its old revision back, so whatever
// was sent before is worthless from then on: of all the requests of a write, only the
// one that was sent last can be done, and what Terraform is told of a write is final.
//
// Why this key:
//   - It costs nothing: its revision is read together with the release, and a write
//     that is answered does not write it.
//   - It is one key for all and it stays. A key of each process would have to be
//     removed some day, and once it is gone the old requests would be good again; a
//     lease only says when. Two processes, or two writes of one, pay for sharing it: a
//     write that was on its way when the fence moved is not done. That is an answer, so
//     it is sent again at once (see commit). It costs one request, and only if another
//     one hangs.
//   - Its place is below /calico/, where the role of an etcd user of Calico may read
//     and write. No part of Calico reads it: they list resources/, ipam/, felix/ and
//     others by name, as networking-calico has its own /calico/compaction/.
//
// What is left: a process that is killed withdraws nothing, so a request that it had
// sent and that hangs may still be done. Nobody but an administrator deletes the key;
// if one does while requests hang that were sent before it was there, they are good
// again.
const fenceKey = "/calico/terraform/fence"

// fenceNote is the value of fenceKey, for a person who finds it.
const fenceNote = "terraform-provider-calico writes this key to withdraw requests of its own that got no answer. Leave it here."

var getFence = clientv3.OpGet(fenceKey)

// post is where the fence stands.
type post struct {
	// revision is the revision of fenceKey; 0 for a key that is not there.
	revision int64
	// hidden is true if the user may not read the key. Then nothing is compared with
	// it, and nothing can be withdrawn.
	hidden bool
}

// unmoved compares that the fence still stands there.
func (p post) unmoved() []clientv3.Cmp {
	if p.hidden {
		return nil
	}
	return []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(fenceKey), "=", p.revision)}
}

// look is the read of the fence in a transaction; none if it may not be read.
func (p post) look() []clientv3.Op {
	if p.hidden {
		return nil
	}
	return []clientv3.Op{getFence}
}

// seen is where the fence stands by the answer of a transaction that looked at it or
// that moved it.
func (p post) seen(resp *clientv3.TxnResponse) post {
	if p.hidden {
		return p
	}
	p.revision = 0
	for _, r := range resp.Responses {
		if r.GetResponsePut() != nil {
			p.revision = resp.Header.Revision
		}
		for _, kv := range r.GetResponseRange().GetKvs() {
			if string(kv.Key) == fenceKey {
				p.revision = kv.ModRevision
			}
		}
	}
	return p
}

// fence is what a store knows of the fence. It may have moved since.
type fence struct {
	mu   sync.Mutex
	post post
	// asOf is the revision of etcd at which it stood there.
	asOf int64
}

func (f *fence) get() post {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.post
}

// set tells where the fence stands by an answer of etcd. Of answers that overtake
// each other the newest counts.
func (f *fence) set(p post, resp *clientv3.TxnResponse) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if resp.Header.Revision >= f.asOf {
		f.post, f.asOf = p, resp.Header.Revision
	}
}
