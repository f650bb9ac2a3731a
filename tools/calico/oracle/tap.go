package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/projectcalico/calico/libcalico-go/lib/apiconfig"
	calico "github.com/projectcalico/calico/libcalico-go/lib/clientv3"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	etcd "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
)

// tap stands where etcd's server would, at the level of etcd's own protocol. Everything above it is
// Calico's code as released: it decides on keys, names, annotations and bytes, and the tap only sees
// what would have gone over the wire. It holds as much of a datastore as one request needs.
type tap struct {
	etcdserverpb.KVClient // the calls that Calico does not make, left nil

	entries  map[string]*mvccpb.KeyValue
	revision int64

	// lastKey and lastValue are what was put most recently.
	lastKey, lastValue string
}

// newClient returns Calico's own client, writing into the tap.
func newClient() (calico.Interface, *tap, error) {
	config := apiconfig.NewCalicoAPIConfig()
	config.Spec.DatastoreType = apiconfig.EtcdV3
	config.Spec.EtcdEndpoints = "http://127.0.0.1:1" // dialled in the background, never used

	client, err := calico.New(*config)
	if err != nil {
		return nil, nil, err
	}

	connection, err := etcdClient(client)
	if err != nil {
		return nil, nil, err
	}

	if err := connection.ActiveConnection().Close(); err != nil {
		return nil, nil, err
	}

	t := &tap{entries: map[string]*mvccpb.KeyValue{}}
	connection.KV = etcd.NewKVFromKVClient(t, connection)

	return client, t, nil
}

// etcdClient digs out the etcd client that Calico's client holds. Calico offers no way to hand it
// another one, and going round its etcd code would leave out what that does to policy names.
func etcdClient(client calico.Interface) (*etcd.Client, error) {
	backend := reflect.ValueOf(client).FieldByName("backend")
	if !backend.IsValid() {
		return nil, fmt.Errorf("%T has no field backend", client)
	}

	field := backend.Elem().Elem().FieldByName("etcdClient")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*etcd.Client]() {
		return nil, fmt.Errorf("%v has no etcd client where one was expected", backend.Elem().Type())
	}

	return (*etcd.Client)(field.UnsafePointer()), nil
}

// with runs one request: extra entries come on top of what is there, and everything is afterwards
// as it was before.
func (t *tap) with(extra map[string]string, do func()) {
	entries, revision := t.entries, t.revision
	defer func() { t.entries, t.revision = entries, revision }()

	t.entries = maps.Clone(entries)
	t.lastKey, t.lastValue = "", ""

	for _, key := range slices.Sorted(maps.Keys(extra)) {
		t.put([]byte(key), []byte(extra[key]))
	}

	do()
}

func (t *tap) put(key, value []byte) {
	t.revision++

	entry := &mvccpb.KeyValue{Key: key, Value: value, ModRevision: t.revision, CreateRevision: t.revision, Version: 1}
	if old := t.entries[string(key)]; old != nil {
		entry.CreateRevision, entry.Version = old.CreateRevision, old.Version+1
	}

	t.entries[string(key)] = entry
}

func (t *tap) header() *etcdserverpb.ResponseHeader {
	return &etcdserverpb.ResponseHeader{Revision: t.revision}
}

func (t *tap) Range(_ context.Context, in *etcdserverpb.RangeRequest, _ ...grpc.CallOption) (*etcdserverpb.RangeResponse, error) {
	out := &etcdserverpb.RangeResponse{Header: t.header()}

	if len(in.RangeEnd) == 0 {
		if entry := t.entries[string(in.Key)]; entry != nil {
			out.Kvs = append(out.Kvs, entry)
		}
	} else {
		for _, key := range slices.Sorted(maps.Keys(t.entries)) {
			if string(in.Key) <= key && key < string(in.RangeEnd) {
				out.Kvs = append(out.Kvs, t.entries[key])
			}
		}
	}

	out.Count = int64(len(out.Kvs))

	return out, nil
}

func (t *tap) Txn(ctx context.Context, in *etcdserverpb.TxnRequest, _ ...grpc.CallOption) (*etcdserverpb.TxnResponse, error) {
	out := &etcdserverpb.TxnResponse{Succeeded: true}

	for _, compare := range in.Compare {
		holds, err := t.holds(compare)
		if err != nil {
			return nil, err
		}

		out.Succeeded = out.Succeeded && holds
	}

	todo := in.Success
	if !out.Succeeded {
		todo = in.Failure
	}

	for _, op := range todo {
		response := &etcdserverpb.ResponseOp{}

		switch {
		case op.GetRequestPut() != nil:
			put := op.GetRequestPut()
			t.put(put.Key, put.Value)
			t.lastKey, t.lastValue = string(put.Key), string(put.Value)
			response.Response = &etcdserverpb.ResponseOp_ResponsePut{
				ResponsePut: &etcdserverpb.PutResponse{Header: t.header()},
			}
		case op.GetRequestRange() != nil:
			found, err := t.Range(ctx, op.GetRequestRange())
			if err != nil {
				return nil, err
			}

			response.Response = &etcdserverpb.ResponseOp_ResponseRange{ResponseRange: found}
		default:
			return nil, fmt.Errorf("the tap knows no operation %T", op.Request)
		}

		out.Responses = append(out.Responses, response)
	}

	out.Header = t.header()

	return out, nil
}

func (t *tap) holds(compare *etcdserverpb.Compare) (bool, error) {
	if compare.Result != etcdserverpb.Compare_EQUAL {
		return false, fmt.Errorf("the tap knows no comparison %v", compare.Result)
	}

	entry := cmp.Or(t.entries[string(compare.Key)], &mvccpb.KeyValue{})

	switch compare.Target {
	case etcdserverpb.Compare_VERSION:
		return entry.Version == compare.GetVersion(), nil
	case etcdserverpb.Compare_MOD:
		return entry.ModRevision == compare.GetModRevision(), nil
	default:
		return false, errors.New("the tap compares versions and revisions only")
	}
}
