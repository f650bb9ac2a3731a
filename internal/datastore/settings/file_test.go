package settings

import (
	"strings"
	"testing"
)

const head = "apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\n"

func TestFileForms(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"YAML":             head + "metadata:\nspec:\n  etcdEndpoints: http://a:1\n",
		"no metadata":      head + "spec:\n  etcdEndpoints: http://a:1\n",
		"full metadata":    head + "metadata:\n  name: x\n  labels: {a: b}\nspec:\n  etcdEndpoints: http://a:1\n",
		"JSON":             `{"apiVersion":"projectcalico.org/v3","kind":"CalicoAPIConfig","spec":{"etcdEndpoints":"http://a:1"}}`,
		"keys in any case": "APIVERSION: projectcalico.org/v3\nKind: CalicoAPIConfig\nSPEC:\n  EtcdEndPoints: http://a:1\n",
		"all that calicoctl knows": head + `spec:
  datastoreType: etcdv3
  etcdEndpoints: http://a:1
  etcdDiscoverySrv: ""
  etcdUsername: ""
  etcdPassword: ""
  etcdKeyFile: ""
  etcdCertFile: ""
  etcdCACertFile: ""
  etcdKey: ""
  etcdCert: ""
  etcdCACert: ""
  kubeconfig: a
  kubeconfigInline: a
  k8sAPIEndpoint: a
  k8sKeyFile: a
  k8sCertFile: a
  k8sCAFile: a
  k8sAPIToken: a
  k8sInsecureSkipTLSVerify: true
  k8sDisableNodePoll: true
  usePodCIDR: true
  k8sClientQPS: 1.5
  k8sClientBurst: 2
  k8sCurrentContext: a
  calicoAPIGroup: a
`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := mustResolve(t, Settings{}, nil, write(t, "calicoctl.cfg", text))
			if len(r.Endpoints) != 1 || r.Endpoints[0] != "http://a:1" {
				t.Errorf("endpoints are %q", r.Endpoints)
			}
		})
	}
}

// TestFileThatCannotBeUsed also holds that no error quotes a password, whatever
// the parsers of YAML and JSON quote.
func TestFileThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for name, test := range map[string]struct{ text, says string }{
		"an unknown field":           {head + "spec:\n  etcdEndpoint: hunter2\n", `unknown field "etcdEndpoint"`},
		"a field in the wrong place": {head + "etcdEndpoints: hunter2\n", `unknown field "etcdEndpoints"`},
		"an unknown field of metadata": {
			head + "metadata:\n  nam: hunter2\n", `unknown field "nam"`,
		},
		"another kind":         {"apiVersion: projectcalico.org/v3\nkind: IPPool\n", `kind "IPPool"`},
		"another version":      {"apiVersion: v1\nkind: CalicoAPIConfig\n", `apiVersion "v1"`},
		"nothing":              {"", `kind ""`},
		"a field twice":        {head + "spec:\n  etcdPassword: a\n  etcdPassword: hunter2\n", `line 5: key "etcdPassword" already set`},
		"a tab":                {head + "spec:\n\tetcdPassword: hunter2\n", "line 4: found character"},
		"a text, not a flag":   {head + "spec:\n  usePodCIDR: hunter2\n", "usePodCIDR, which must be true or false"},
		"a text, not a number": {head + "spec:\n  k8sClientBurst: hunter2\n", "k8sClientBurst, which must be a number"},
		"a list of endpoints":  {head + "spec:\n  etcdEndpoints: [hunter2]\n", "etcdEndpoints, which must be a text"},
		"no mapping in spec":   {head + "spec: hunter2\n", "spec, which must be a mapping"},
		"an alias":             {head + "spec:\n  etcdPassword: *hunter2\n", "quotes"},
		"a template":           {head + "spec:\n  etcdPassword: {{ hunter2 }}\n", "quotes"},
		"a tag":                {head + "spec:\n  etcdPassword: !!int hunter2\n", "quotes"},
		"an open quote":        {head + "spec:\n  etcdPassword: \"hunter2\n", "line"},
		"a text":               {"hunter2", "calicoctl reads"},
		"a list":               {"- hunter2", "calicoctl reads"},
		"broken JSON":          {`{"spec": {"etcdPassword": "hunter2" "a"}}`, "calicoctl reads"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, "calicoctl.cfg", test.text)
			_, problems := Resolve(Settings{}, variables{"CALICOCTL_CONFIG": path}.lookup, "")
			if len(problems) != 1 {
				t.Fatalf("%d problems, want 1: %v", len(problems), problems)
			}
			p := problems[0]
			if p.Setting != NameConfigFile || p.Origin.Layer != Environment {
				t.Errorf("problem with %s from %s", p.Setting, p.Origin)
			}
			for _, s := range []string{path, "environment variable CALICOCTL_CONFIG", test.says} {
				if !strings.Contains(p.Detail, s) {
					t.Errorf("%q does not say %q", p.Detail, s)
				}
			}
			if strings.Contains(problems.Error(), secret) {
				t.Errorf("a secret is told: %v", problems)
			}
		})
	}
}
