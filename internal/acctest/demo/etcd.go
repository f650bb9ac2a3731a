package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// etcd is Calico's datastore of its own.
type etcd struct {
	demo   *demo
	server *acctest.Etcd
}

func (*etcd) name() string { return "etcd" }

func (e *etcd) start() step {
	return step{"Start etcd, a process of its own", func(ctx context.Context) (err error) {
		var options []acctest.EtcdOption
		if e.demo.keep {
			options = append(options, acctest.WithOutliving())
		}
		e.server, err = acctest.StartEtcd(ctx, options...)
		if err == nil {
			e.demo.printf("    process %s at %s\n", strings.Join(e.pids(), " "), e.endpoints())
		}
		return err
	}}
}

func (e *etcd) prepare() step {
	return step{"Make it a datastore of Calico " + calicoVersion, func(ctx context.Context) error {
		if err := e.server.PrepareCalico(ctx, calicoVersion); err != nil {
			return err
		}
		felix := `{"kind":"FelixConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"7f1c1d5e-90c3-4b66-8a52-0f9b6a4c7d21","creationTimestamp":"2026-01-02T03:04:05Z"},"spec":` + felixSpec + `}`
		if _, err := e.server.Write(ctx, e.felix(), felix); err != nil {
			return err
		}
		return e.demo.remember(ctx)
	}}
}

func (e *etcd) objects(ctx context.Context) ([]object, error) {
	stored, err := e.server.Read(ctx, "")
	var all []object
	for _, kv := range stored {
		all = append(all, object{kv.Key, strconv.FormatInt(kv.Revision, 10), kv.Value})
	}
	return all, err
}

func (e *etcd) block() string {
	return fmt.Sprintf(`  datastore_type = "etcdv3"
  etcd {
    endpoints = ["%s"]
  }
`, e.endpoints())
}

func (*etcd) failsafe() string {
	return `  etcd_server {
    address = "10.2.0.11"
  }
  etcd_server {
    address = "10.2.0.12"
    ports   = [2379, 2380]
  }
`
}

func (*etcd) felix() string { return acctest.ResourcePrefix + "felixconfigurations/default" }

func (*etcd) withoutPorts(felix string) string {
	return strings.TrimSuffix(felix, "}}") + `,"failsafeInboundHostPorts":[],"failsafeOutboundHostPorts":[]}}`
}

func (*etcd) drift() []step { return nil }

func (*etcd) remains() string { return "" }

func (e *etcd) goOn() (look string, processes, directories []string) {
	return fmt.Sprintf(`export DATASTORE_TYPE=etcdv3 ETCD_ENDPOINTS=%s
  calicoctl get globalnetworkpolicy,hostendpoint -o yaml`, e.endpoints()), e.pids(), []string{e.server.Dir()}
}

func (e *etcd) close() {
	if e.server != nil {
		e.server.Close()
	}
}

func (e *etcd) endpoints() string { return strings.Join(e.server.Endpoints, ",") }

func (e *etcd) pids() []string {
	var all []string
	for _, pid := range e.server.Pids() {
		all = append(all, strconv.Itoa(pid))
	}
	return all
}
