// Oracle answers, object by object, what Calico itself makes of it: whether calicoctl accepts a
// manifest, what it stores, and how it shows what is stored. It is calicoctl's and libcalico-go's
// own code, linked in, with a tap in place of the etcd server (tap.go).
//
// It reads requests as JSON lines and answers each with one JSON line, in order and at once, so that
// it can be kept running beside a test:
//
//	{"op":"version"}
//	{"op":"check","object":{…}}                 calicoctl create, on a datastore that is as good as new
//	{"op":"check","yaml":"…","verb":"apply","store":{"/calico/…":"…"}}
//	{"op":"read","key":"/calico/…","value":"…"}
//	{"op":"read","key":"/calico/…","value":"…","name":"default.p"}
//	{"op":"selector","selector":"a == 'b'","labels":{"a":"b"}}
//
// Nothing is kept from one request to the next. It is one program for all releases, built with each
// release's own library: what differs between their answers is then Calico.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/projectcalico/calico/calicoctl/calicoctl/commands/common"
	"github.com/projectcalico/calico/calicoctl/calicoctl/resourcemgr"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/model"
	calico "github.com/projectcalico/calico/libcalico-go/lib/clientv3"
	calicoerrors "github.com/projectcalico/calico/libcalico-go/lib/errors"
	"github.com/projectcalico/calico/libcalico-go/lib/selector"
	"github.com/sirupsen/logrus"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
)

// release is the release of Calico that it is built with. The linker sets it.
var release string

type request struct {
	Op string `json:"op"`

	// Object and YAML are two ways to give the manifest of a check.
	Object json.RawMessage `json:"object"`
	YAML   string          `json:"yaml"`
	// Verb is the calicoctl command of a check: create (also when empty), apply or replace.
	Verb string `json:"verb"`

	// Key and Value are the entry to read, and Name the one to ask calicoctl for: when nil, the one
	// that it lists the entry under.
	Key   string  `json:"key"`
	Value string  `json:"value"`
	Name  *string `json:"name"`

	// Store holds entries, by key, that are in the datastore too. What calicoctl v3.29 and later make
	// before they write, the built-in tiers and a ClusterInformation, is there in any case.
	Store map[string]string `json:"store"`

	Selector string            `json:"selector"`
	Labels   map[string]string `json:"labels"`
}

// checked is the answer to a check. Where it is not valid, calicoctl stores nothing, and says either
// DecodeError or Error.
type checked struct {
	Valid       bool   `json:"valid"`
	DecodeError string `json:"decode_error,omitempty"`
	Error       string `json:"error,omitempty"`
	// ErrorType is the Go type of the error, "errors.ErrorValidation" for one, or "panic".
	ErrorType string `json:"error_type,omitempty"`
	// Errors are the fields of an ErrorValidation.
	Errors []fieldError `json:"errors,omitempty"`

	// Defaulted is what the client returns, StoredKey and Stored the bytes for etcd.
	Defaulted any    `json:"defaulted,omitempty"`
	StoredKey string `json:"stored_key,omitempty"`
	Stored    string `json:"stored,omitempty"`
}

type fieldError struct {
	Field  string `json:"field"`
	Value  string `json:"value"`
	Reason string `json:"reason"`
}

// shown is the answer to a read: the item of the list, if there is one, and the single object, or
// the error of asking for it.
type shown struct {
	Listed    any    `json:"listed,omitempty"`
	Object    any    `json:"object,omitempty"`
	Error     string `json:"error,omitempty"`
	ErrorType string `json:"error_type,omitempty"`
}

type selected struct {
	Valid     bool   `json:"valid"`
	Error     string `json:"error,omitempty"`
	Matches   bool   `json:"matches"`
	Canonical string `json:"canonical,omitempty"`
}

type version struct {
	Version string   `json:"version"`
	Kinds   []string `json:"kinds"`
}

// failed is the answer to a request that makes no sense. No other answer has "failed".
type failed struct {
	Failed string `json:"failed"`
}

type oracle struct {
	client   calico.Interface
	tap      *tap
	manifest *os.File
}

func main() {
	in := os.Stdin // newOracle needs os.Stdin for something else

	o, err := newOracle()
	if err == nil {
		err = o.serve(in, os.Stdout)
	}

	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func newOracle() (*oracle, error) {
	// As calicoctl has it.
	logrus.SetLevel(logrus.PanicLevel)
	// Every object is garbage a moment later, and there is little else: collect less often.
	debug.SetGCPercent(1000)

	client, tap, err := newClient()
	if err != nil {
		return nil, err
	}

	if err := client.EnsureInitialized(context.Background(), "", ""); err != nil {
		return nil, err
	}

	manifest, err := os.CreateTemp("", "calico-oracle-*")
	if err != nil {
		return nil, err
	}

	if err := os.Remove(manifest.Name()); err != nil {
		return nil, err
	}

	// calicoctl's reader of manifests takes a file name, and never closes that file, or "-".
	os.Stdin = manifest

	return &oracle{client: client, tap: tap, manifest: manifest}, nil
}

func (o *oracle) serve(in io.Reader, out io.Writer) error {
	requests := bufio.NewReaderSize(in, 1<<20)

	for {
		line, err := requests.ReadBytes('\n')
		if len(line) > 0 {
			answer, err := json.Marshal(o.answer(line))
			if err != nil {
				return err
			}

			if _, err := out.Write(append(answer, '\n')); err != nil {
				return err
			}
		}

		if errors.Is(err, io.EOF) {
			return nil
		}

		if err != nil {
			return err
		}
	}
}

func (o *oracle) answer(line []byte) (answer any) {
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		return failed{err.Error()}
	}

	switch r.Op {
	case "check":
		o.tap.with(r.Store, func() { answer = o.check(r) })
	case "read":
		o.tap.with(r.Store, func() { answer = o.read(r) })
	case "selector":
		answer = match(r)
	case "version":
		answer = version{release, resourcemgr.ValidResources()}
	default:
		answer = failed{fmt.Sprintf("no such op: %q", r.Op)}
	}

	return answer
}

func (o *oracle) check(r request) (answer any) {
	// Some releases panic on what others reject. calicoctl stores nothing then, so it is a rejection.
	defer func() {
		if p := recover(); p != nil {
			answer = checked{Error: fmt.Sprint(p), ErrorType: "panic"}
		}
	}()

	resource, err := o.decode(r)
	if err != nil {
		return checked{DecodeError: err.Error()}
	}

	var written []runtime.Object

	switch r.Verb {
	case "", "create":
		written, err = common.ExecuteResourceAction(nil, o.client, resource, common.ActionCreate)
	case "apply":
		written, err = common.ExecuteResourceAction(nil, o.client, resource, common.ActionApply)
	case "replace":
		written, err = common.ExecuteResourceAction(nil, o.client, resource, common.ActionUpdate)
	default:
		return failed{fmt.Sprintf("no such verb: %q", r.Verb)}
	}

	if err != nil {
		out := checked{Error: err.Error(), ErrorType: fmt.Sprintf("%T", err)}

		var invalid calicoerrors.ErrorValidation
		if errors.As(err, &invalid) {
			for _, f := range invalid.ErroredFields {
				out.Errors = append(out.Errors, fieldError{f.Name, fmt.Sprint(f.Value), f.Reason})
			}
		}

		return out
	}

	return checked{Valid: true, Defaulted: written[0], StoredKey: o.tap.lastKey, Stored: o.tap.lastValue}
}

// read shows an entry as "calicoctl get" does, in the list and by itself.
func (o *oracle) read(r request) any {
	key, ok := model.KeyFromDefaultPath(r.Key).(model.ResourceKey)
	if !ok {
		return failed{fmt.Sprintf("not the key of a resource: %q", r.Key)}
	}

	o.tap.put([]byte(r.Key), []byte(r.Value))
	revision := fmt.Sprint(o.tap.revision)

	list, err := o.get(key, "")
	if err != nil {
		return failed{err.Error()}
	}

	items, err := meta.ExtractList(list)
	if err != nil {
		return failed{err.Error()}
	}

	var out shown

	name := key.Name

	for _, item := range items {
		// Found by its revision: no name that it shows need be in the key.
		if m, ok := item.(resourcemgr.ResourceObject); ok && m.GetObjectMeta().GetResourceVersion() == revision {
			out.Listed, name = item, m.GetObjectMeta().GetName()
		}
	}

	if r.Name != nil {
		name = *r.Name
	}

	object, err := o.get(key, name)
	if err != nil {
		out.Error, out.ErrorType = err.Error(), fmt.Sprintf("%T", err)

		return out
	}

	out.Object = object

	return out
}

// get returns the object of that name beside key, or the list of all when the name is empty.
func (o *oracle) get(key model.ResourceKey, name string) (runtime.Object, error) {
	args := map[string]any{"<KIND>": key.Kind, "<NAME>": name}
	if key.Namespace != "" {
		args["--namespace"] = key.Namespace
	}

	resources, err := resourcemgr.GetResourcesFromArgs(args)
	if err != nil {
		return nil, err
	}

	objects, err := common.ExecuteResourceAction(args, o.client, resources[0], common.ActionGetOrList)
	if err != nil {
		return nil, err
	}

	return objects[0], nil
}

func match(r request) any {
	parsed, err := selector.Parse(r.Selector)
	if err != nil {
		return selected{Error: err.Error()}
	}

	return selected{Valid: true, Matches: parsed.Evaluate(r.Labels), Canonical: parsed.String()}
}
