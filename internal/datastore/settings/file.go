package settings

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

const (
	fileKind       = "CalicoAPIConfig"
	fileAPIVersion = "projectcalico.org/v3"

	// fileVariable names a file where the provider block does not. calicoctl
	// itself knows no such variable.
	fileVariable = "CALICOCTL_CONFIG"
)

// apiConfig is calicoctl's configuration file (libcalico-go/lib/apiconfig). Its
// keys are matched in any case, as calicoctl does.
type apiConfig struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        metav1.ObjectMeta `json:"metadata"`
	Spec            apiConfigSpec     `json:"spec"`
}

type apiConfigSpec struct {
	DatastoreType string `json:"datastoreType"`

	EtcdEndpoints    string `json:"etcdEndpoints"`
	EtcdDiscoverySrv string `json:"etcdDiscoverySrv"`
	EtcdUsername     string `json:"etcdUsername"`
	EtcdPassword     string `json:"etcdPassword"`
	EtcdKeyFile      string `json:"etcdKeyFile"`
	EtcdCertFile     string `json:"etcdCertFile"`
	EtcdCACertFile   string `json:"etcdCACertFile"`
	EtcdKey          string `json:"etcdKey"`
	EtcdCert         string `json:"etcdCert"`
	EtcdCACert       string `json:"etcdCACert"`

	Kubeconfig               string `json:"kubeconfig"`
	KubeconfigInline         string `json:"kubeconfigInline"`
	K8sAPIEndpoint           string `json:"k8sAPIEndpoint"`
	K8sKeyFile               string `json:"k8sKeyFile"`
	K8sCertFile              string `json:"k8sCertFile"`
	K8sCAFile                string `json:"k8sCAFile"`
	K8sAPIToken              string `json:"k8sAPIToken"`
	K8sInsecureSkipTLSVerify bool   `json:"k8sInsecureSkipTLSVerify"`
	K8sCurrentContext        string `json:"k8sCurrentContext"`
	CalicoAPIGroup           string `json:"calicoAPIGroup"`

	// Known, so that a file that has them can be read. They are not used: the first two
	// are for calico-node and for IP addresses of workloads, and there is no limit here
	// of how many requests are made.
	K8sDisableNodePoll bool    `json:"k8sDisableNodePoll"`
	UsePodCIDR         bool    `json:"usePodCIDR"`
	K8sClientQPS       float32 `json:"k8sClientQPS"`
	K8sClientBurst     int     `json:"k8sClientBurst"`
}

// namedFile returns the configuration file to read, if one is named.
func namedFile(configFile string, env func(string) (string, bool)) (path string, origin Origin) {
	if configFile != "" {
		return configFile, Origin{Configuration, string(NameConfigFile)}
	}
	if v, _ := env(fileVariable); v != "" {
		return v, Origin{Environment, "environment variable " + fileVariable}
	}
	return "", Origin{}
}

// readFile reads a calicoctl configuration file.
func readFile(path string, origin Origin, problems *Problems) layer {
	text, err := os.ReadFile(path)
	if err != nil {
		problems.add(NameConfigFile, origin, "Unreadable configuration file",
			"The calicoctl configuration file %q, named by %s, cannot be read: %v.", path, origin, fileReason(err))
		return nil
	}
	config, err := parseFile(text)
	if err != nil {
		problems.add(NameConfigFile, origin, "Unusable configuration file",
			"The calicoctl configuration file %q, named by %s, %v.", path, origin, err)
		return nil
	}
	spec := config.Spec
	s := Settings{
		DatastoreType: spec.DatastoreType,
		Etcd: Etcd{
			DiscoverySRV: spec.EtcdDiscoverySrv,
			Username:     spec.EtcdUsername,
			Password:     spec.EtcdPassword,
			CACert:       spec.EtcdCACert,
			Cert:         spec.EtcdCert,
			Key:          spec.EtcdKey,
			CACertFile:   spec.EtcdCACertFile,
			CertFile:     spec.EtcdCertFile,
			KeyFile:      spec.EtcdKeyFile,
		},
		Kubernetes: KubernetesSettings{
			ConfigPath:     spec.Kubeconfig,
			ConfigInline:   spec.KubeconfigInline,
			ConfigContext:  spec.K8sCurrentContext,
			Host:           spec.K8sAPIEndpoint,
			CACertFile:     spec.K8sCAFile,
			Token:          spec.K8sAPIToken,
			ClientCertFile: spec.K8sCertFile,
			ClientKeyFile:  spec.K8sKeyFile,
			APIGroup:       spec.CalicoAPIGroup,
		},
	}
	// (What is false in the file may be just not there.)
	if spec.K8sInsecureSkipTLSVerify {
		s.Kubernetes.Insecure = &spec.K8sInsecureSkipTLSVerify
	}
	if spec.EtcdEndpoints != "" {
		s.Endpoints = []string{spec.EtcdEndpoints}
	}
	return fromFile(path, s)
}

// parseFile decodes a configuration file. The error goes on after the file as
// the subject of its sentence.
func parseFile(text []byte) (*apiConfig, error) {
	config := &apiConfig{}
	if err := yaml.UnmarshalStrict(text, config); err != nil {
		return nil, parseReason(err)
	}
	if config.Kind != fileKind {
		return nil, fmt.Errorf("has the kind %q, not %q", config.Kind, fileKind)
	}
	if config.APIVersion != fileAPIVersion {
		return nil, fmt.Errorf("has the apiVersion %q, not %q", config.APIVersion, fileAPIVersion)
	}
	return config, nil
}

var (
	unknownField = regexp.MustCompile(`unknown field ("[^"]*")`)
	wrongType    = regexp.MustCompile(`Go struct field \S*\.(\S+) of type (\S+)`)
	duplicateKey = regexp.MustCompile(`line \d+: key "[^"]*" already set in map`)
	syntaxError  = regexp.MustCompile(`^error converting YAML to JSON: yaml: (line \d+: .*)$`)
)

// parseReason says what is wrong with a file. Errors of the parsers may quote
// values, which may be passwords, so only what is known to quote none is passed on.
func parseReason(err error) error {
	text := err.Error()
	if m := unknownField.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("has a field that calicoctl does not know: unknown field %s", m[1])
	}
	if m := wrongType.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("has a value of the wrong type in %s, which must be %s", m[1], typeName(m[2]))
	}
	if m := duplicateKey.FindString(text); m != "" {
		return fmt.Errorf("is ambiguous: %s", strings.TrimSuffix(m, " in map"))
	}
	if m := syntaxError.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("is neither YAML nor JSON: %s", m[1])
	}
	return errors.New("is neither YAML nor JSON of the form that calicoctl reads. Put a value into quotes that has one of YAML's marks in it, such as * & { [ : #")
}

// typeName is a type of Go in other words.
func typeName(goType string) string {
	switch goType {
	case "string":
		return "a text"
	case "bool":
		return "true or false"
	case "int", "float32":
		return "a number"
	default:
		return "a mapping"
	}
}
