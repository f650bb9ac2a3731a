package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// kubernetes is a cluster: its API server alone, which is all that Calico's objects need.
type kubernetes struct {
	demo   *demo
	server *acctest.Kubernetes
}

// calicoAPI is where Calico keeps its objects in a cluster.
const calicoAPI = "/apis/crd.projectcalico.org/v1"

func (*kubernetes) name() string { return "Kubernetes" }

func (k *kubernetes) start() step {
	return step{"Start kube-apiserver, with RBAC, over an etcd of its own", func(ctx context.Context) (err error) {
		options := []acctest.KubernetesOption{acctest.WithCRDs(acctest.CRDs331)}
		if k.demo.keep {
			options = append(options, acctest.WithOutlivingServers())
		}
		k.server, err = acctest.StartKubernetes(ctx, options...)
		if err == nil {
			k.demo.printf("    process %d at %s\n", k.server.Pid(), k.server.URL)
			k.demo.printf("    with the CustomResourceDefinitions of Calico %s\n", calicoVersion)
		}
		return err
	}}
}

func (k *kubernetes) prepare() step {
	return step{"Make it a cluster of two nodes with Calico " + calicoVersion, func(ctx context.Context) error {
		if err := k.server.PrepareCalico(ctx, calicoVersion); err != nil {
			return err
		}
		for _, o := range []struct{ path, value string }{
			{calicoAPI + "/felixconfigurations", `{"kind":"FelixConfiguration","apiVersion":"crd.projectcalico.org/v1","metadata":{"name":"default"},"spec":` + felixSpec + `}`},
			{"/api/v1/nodes", `{"metadata":{"name":"db1"},"status":{"addresses":[{"type":"InternalIP","address":"10.3.0.21"}]}}`},
			{"/api/v1/nodes", `{"metadata":{"name":"db2"},"status":{"addresses":[{"type":"InternalIP","address":"10.3.0.22"}]}}`},
		} {
			if _, err := k.do(ctx, http.MethodPost, o.path, "", o.value); err != nil {
				return err
			}
		}
		if err := k.demo.remember(ctx); err != nil {
			return err
		}
		k.demo.printf("    The provider runs as a user that has the roles of the documentation, and no others.\n")
		return k.server.Grant(ctx)
	}}
}

// do makes a request as admin, and returns the answer.
func (k *kubernetes) do(ctx context.Context, method, path, contentType, body string) (string, error) {
	status, answer, err := k.server.Do(ctx, method, path, contentType, body)
	if err == nil && status >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s %s: the API server answers %d: %s", method, path, status, answer)
	}
	return answer, err
}

// objects reads every kind of Calico's that there is, and the nodes.
func (k *kubernetes) objects(ctx context.Context) ([]object, error) {
	answer, err := k.do(ctx, http.MethodGet, calicoAPI, "", "")
	if err != nil {
		return nil, err
	}
	var served struct{ Resources []struct{ Name string } }
	if err := json.Unmarshal([]byte(answer), &served); err != nil {
		return nil, err
	}
	all, err := k.list(ctx, "/api/v1", "nodes")
	if err != nil {
		return nil, err
	}
	for _, resource := range served.Resources {
		if strings.Contains(resource.Name, "/") {
			continue // a part of objects, such as their status
		}
		some, err := k.list(ctx, calicoAPI, resource.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b object) int { return strings.Compare(a.where, b.where) })
	return all, nil
}

func (k *kubernetes) list(ctx context.Context, api, plural string) ([]object, error) {
	answer, err := k.do(ctx, http.MethodGet, api+"/"+plural, "", "")
	if err != nil {
		return nil, err
	}
	var list struct {
		APIVersion, Kind string
		Items            []map[string]any
	}
	if err := json.Unmarshal([]byte(answer), &list); err != nil {
		return nil, err
	}
	var all []object
	for _, item := range list.Items {
		metadata, ok := item["metadata"].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("an object of %s has no metadata", plural)
		}
		o := object{where: plural + "/" + fmt.Sprint(metadata["name"]), revision: fmt.Sprint(metadata["resourceVersion"])}
		if namespace, ok := metadata["namespace"]; ok {
			o.where = fmt.Sprintf("%s/%s/%s", plural, namespace, metadata["name"])
		}
		// What the API server counts and notes down by itself.
		for _, name := range []string{"resourceVersion", "generation", "managedFields"} {
			delete(metadata, name)
		}
		value, err := json.Marshal(item)
		if err != nil {
			return nil, err
		}
		o.value = string(value)
		all = append(all, o)
	}
	return all, nil
}

func (k *kubernetes) block() string {
	return fmt.Sprintf(`  kubernetes {
    config_path = "%s"
  }
`, k.server.Config)
}

func (*kubernetes) failsafe() string {
	return `  # The hosts, and not the pods on them.
  selector = "!has(projectcalico.org/namespace)"

  api_server {
    address = "10.2.0.21"
  }
`
}

func (*kubernetes) felix() string { return "felixconfigurations/default" }

func (*kubernetes) withoutPorts(felix string) string {
	var object map[string]any
	if err := json.Unmarshal([]byte(felix), &object); err != nil {
		return err.Error()
	}
	spec, _ := object["spec"].(map[string]any)
	spec["failsafeInboundHostPorts"], spec["failsafeOutboundHostPorts"] = []any{}, []any{}
	value, err := json.Marshal(object)
	if err != nil {
		return err.Error()
	}
	return string(value)
}

func (k *kubernetes) drift() []step {
	return []step{
		{"Somebody narrows the failsafe policy with calicoctl", k.changeWithCalicoctl},
		{"Somebody changes the host endpoint with kubectl", k.changeWithKubectl},
		{"The plan shows both, and the apply puts them right", k.putRight},
		{"Plan again: nothing may be left to do", k.demo.planAgain},
	}
}

// changeWithCalicoctl changes an object with Calico's own tool.
func (k *kubernetes) changeWithCalicoctl(ctx context.Context) error {
	calicoctl, err := acctest.Tool("calicoctl-v3.31")
	if err != nil {
		return err
	}
	return k.run(ctx, calicoctl, "calicoctl", "patch", "globalnetworkpolicy", "failsafe", "-p", `{"spec":{"selector":"has(nothing)"}}`)
}

// changeWithKubectl changes an object with kubectl, or does what that would do.
func (k *kubernetes) changeWithKubectl(ctx context.Context) error {
	const patch = `{"spec":{"expectedIPs":["10.3.0.99"]}}`
	if kubectl, err := exec.LookPath("kubectl"); err == nil {
		return k.run(ctx, kubectl, "kubectl", "patch", "hostendpoints.crd.projectcalico.org", "db1-eth0", "--type=merge", "-p", patch)
	}
	k.demo.printf("    There is no kubectl here; the same request is made without it.\n")
	_, err := k.do(ctx, http.MethodPatch, calicoAPI+"/hostendpoints/db1-eth0", "application/merge-patch+json", patch)
	return err
}

// run runs a tool as the administrator of the cluster.
func (k *kubernetes) run(ctx context.Context, path, name string, args ...string) error {
	k.demo.printf("    %s %s\n", name, strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = k.demo.dir
	cmd.Env = []string{"DATASTORE_TYPE=kubernetes", "KUBECONFIG=" + k.server.AdminConfig, "HOME=" + k.demo.dir, "PATH=" + os.Getenv("PATH")}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	k.demo.quote(out.String())
	return err
}

func (k *kubernetes) putRight(ctx context.Context) error {
	changes, text, err := k.demo.workspace.Plan(ctx, "-out="+planFile)
	k.demo.cliSays(text)
	if err != nil {
		return err
	}
	if !changes || !strings.Contains(text, "has(nothing)") || !strings.Contains(text, "10.3.0.99") {
		return errors.New("the plan does not show what others have changed")
	}
	return k.demo.apply(ctx)
}

func (*kubernetes) remains() string {
	return "The Lease calico-terraform-guard in kube-system stays: by it, guarded writes of several runs wait for each other."
}

func (k *kubernetes) goOn() (look string, processes, directories []string) {
	processes = []string{strconv.Itoa(k.server.Pid())}
	for _, pid := range k.server.Etcd().Pids() {
		processes = append(processes, strconv.Itoa(pid))
	}
	return fmt.Sprintf(`export DATASTORE_TYPE=kubernetes KUBECONFIG=%s
  calicoctl get globalnetworkpolicy,hostendpoint -o yaml`, k.server.AdminConfig), processes, []string{k.server.Dir(), k.server.Etcd().Dir()}
}

func (k *kubernetes) close() {
	if k.server != nil {
		k.server.Close()
	}
}
