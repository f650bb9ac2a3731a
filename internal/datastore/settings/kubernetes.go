package settings

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// KubernetesSettings are the settings of a datastore in Kubernetes.
type KubernetesSettings struct {
	// ConfigPath names a kubeconfig file; in the environment and in a calicoctl
	// configuration file it may be a list, as in PATH. ConfigInline is the text of one,
	// which only a calicoctl configuration file gives.
	ConfigPath, ConfigInline string
	// ConfigContext is the context of the kubeconfig.
	ConfigContext string
	// Host is the URL of the API server.
	Host string
	// CACert, ClientCert and ClientKey are PEM text, CACertFile and so on name PEM files.
	CACert, ClientCert, ClientKey             string
	CACertFile, ClientCertFile, ClientKeyFile string
	// Token is a bearer token.
	Token string
	// Exec is given only in the provider block.
	Exec *Exec
	// Insecure is nil if nothing is said of it.
	Insecure                          *bool
	TLSServerName, ProxyURL, APIGroup string
}

// Exec is a program that is run to get a credential, as in a kubeconfig.
type Exec struct {
	APIVersion, Command string
	Args                []string
	Env                 map[string]string
}

// ResolvedKubernetes is how to reach the API server of Kubernetes.
type ResolvedKubernetes struct {
	// ConfigPaths are kubeconfig files, to be merged as kubectl does.
	ConfigPaths []string
	// ConfigInline is the text of a kubeconfig; then only APIGroup is set beside it.
	ConfigInline string
	// ConfigContext is the context of the kubeconfig; empty for its current one.
	ConfigContext string
	// Host is an https URL; empty for what the kubeconfig says.
	Host string
	// ClusterCACert is PEM with one certificate or more; empty for what the kubeconfig
	// says.
	ClusterCACert []byte
	// Token, ClientCert with ClientKey (PEM), and Exec are credentials; none for what the
	// kubeconfig says. Exec is set alone.
	Token                 string
	ClientCert, ClientKey []byte
	Exec                  *Exec
	// Insecure leaves the server's certificate unchecked; ClusterCACert is empty then. Verify
	// has it checked whatever the kubeconfig says. If neither is set, that decides.
	Insecure, Verify bool
	// TLSServerName and ProxyURL are empty for what the kubeconfig says.
	TLSServerName, ProxyURL string
	// InCluster is true for the service account of the pod; then only APIGroup is set
	// beside it.
	InCluster bool
	// APIGroup is one of the groups in which Calico's objects may be; empty to find out.
	APIGroup string
}

// The settings of the block "kubernetes". NameConfigInline is no argument of it: only a
// calicoctl configuration file has such a setting.
const (
	NameConfigPath        Name = "kubernetes.config_path"
	NameConfigInline      Name = "kubernetes.kubeconfig_inline"
	NameConfigContext     Name = "kubernetes.config_context"
	NameHost              Name = "kubernetes.host"
	NameClusterCACert     Name = "kubernetes.cluster_ca_certificate"
	NameClusterCACertFile Name = "kubernetes.cluster_ca_certificate_file"
	NameToken             Name = "kubernetes.token"
	NameClientCert        Name = "kubernetes.client_certificate"
	NameClientCertFile    Name = "kubernetes.client_certificate_file"
	NameClientKey         Name = "kubernetes.client_key"
	NameClientKeyFile     Name = "kubernetes.client_key_file"
	NameExec              Name = "kubernetes.exec"
	NameExecAPIVersion    Name = "kubernetes.exec.api_version"
	NameExecCommand       Name = "kubernetes.exec.command"
	NameInsecure          Name = "kubernetes.insecure"
	NameTLSServerName     Name = "kubernetes.tls_server_name"
	NameProxyURL          Name = "kubernetes.proxy_url"
	NameAPIGroup          Name = "kubernetes.api_group"
)

var kubernetesDefinitions = []definition{
	{NameConfigPath, calicoctl("KUBECONFIG", "KUBE_CONFIG_PATH"), "kubeconfig", text(func(s Settings) string { return s.Kubernetes.ConfigPath })},
	{NameConfigInline, nil, "kubeconfigInline", text(func(s Settings) string { return s.Kubernetes.ConfigInline })},
	{NameConfigContext, calicoctl("K8S_CURRENT_CONTEXT", "KUBE_CTX"), "k8sCurrentContext", text(func(s Settings) string { return s.Kubernetes.ConfigContext })},
	{NameHost, calicoctl("K8S_API_ENDPOINT", "KUBE_HOST"), "k8sAPIEndpoint", text(func(s Settings) string { return s.Kubernetes.Host })},
	{NameClusterCACert, []string{"KUBE_CLUSTER_CA_CERT_DATA"}, "", text(func(s Settings) string { return s.Kubernetes.CACert })},
	{NameClusterCACertFile, calicoctl("K8S_CA_FILE"), "k8sCAFile", text(func(s Settings) string { return s.Kubernetes.CACertFile })},
	{NameToken, []string{"KUBE_TOKEN"}, "k8sAPIToken", text(func(s Settings) string { return s.Kubernetes.Token })},
	{NameClientCert, []string{"KUBE_CLIENT_CERT_DATA"}, "", text(func(s Settings) string { return s.Kubernetes.ClientCert })},
	{NameClientCertFile, calicoctl("K8S_CERT_FILE"), "k8sCertFile", text(func(s Settings) string { return s.Kubernetes.ClientCertFile })},
	{NameClientKey, []string{"KUBE_CLIENT_KEY_DATA"}, "", text(func(s Settings) string { return s.Kubernetes.ClientKey })},
	{NameClientKeyFile, calicoctl("K8S_KEY_FILE"), "k8sKeyFile", text(func(s Settings) string { return s.Kubernetes.ClientKeyFile })},
	{NameExec, nil, "", there(func(s Settings) bool { return s.Kubernetes.Exec != nil })},
	{NameInsecure, calicoctl("K8S_INSECURE_SKIP_TLS_VERIFY", "KUBE_INSECURE"), "k8sInsecureSkipTLSVerify", text(func(s Settings) string {
		if s.Kubernetes.Insecure == nil {
			return ""
		}
		return strconv.FormatBool(*s.Kubernetes.Insecure)
	})},
	{NameTLSServerName, []string{"KUBE_TLS_SERVER_NAME"}, "", text(func(s Settings) string { return s.Kubernetes.TLSServerName })},
	{NameProxyURL, []string{"KUBE_PROXY_URL"}, "", text(func(s Settings) string { return s.Kubernetes.ProxyURL })},
	{NameAPIGroup, []string{"CALICO_API_GROUP"}, "calicoAPIGroup", text(func(s Settings) string { return s.Kubernetes.APIGroup })},
}

// kubernetesPlaces are the settings that tell where the API server is: one of them is
// needed.
var kubernetesPlaces = []Name{NameConfigPath, NameConfigInline, NameHost}

// kubernetesPairs are settings that say the same thing in two ways.
var kubernetesPairs = [][2]Name{
	{NameClusterCACert, NameClusterCACertFile},
	{NameClientCert, NameClientCertFile},
	{NameClientKey, NameClientKeyFile},
}

// apiGroups are the groups in which Calico's objects may be.
var apiGroups = []string{"projectcalico.org/v3", "crd.projectcalico.org/v1"}

// execVersions are the versions of the protocol that a program may speak.
var execVersions = []string{"client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"}

// podVariable is set in every pod.
const podVariable = "KUBERNETES_SERVICE_HOST"

// place says where the API server is, as the end of a sentence; "" if that is not given.
func (r ResolvedKubernetes) place() string {
	switch {
	case r.InCluster:
		return " around this pod"
	case r.ConfigInline != "":
		return " of an inline kubeconfig"
	case r.Host != "":
		return " at " + r.Host
	case len(r.ConfigPaths) > 0:
		return " of the kubeconfig " + strings.Join(r.ConfigPaths, ", ")
	default:
		return ""
	}
}

// resolveKubernetes takes and checks what the API server is reached with. inPod is true if
// the service account of the pod may be used.
func resolveKubernetes(r *Resolved, merged layer, exec *Exec, inPod bool, problems *Problems) {
	if !has(merged, kubernetesPlaces...) {
		takeAPIGroup(r, merged, problems)
		switch other := otherThanPlace(merged); {
		case inPod && other == "":
			r.InCluster = true
		case problems.Err() == nil:
			// (A file that could not be read is what is wrong otherwise.)
			problems.add(NameConfigPath, Origin{}, "No Kubernetes API server configured", "%s", noServer(other))
		}
		return
	}
	if v, ok := merged[NameConfigInline]; ok {
		takeInline(r, merged, v, problems)
		return
	}
	checkAlternatives(merged, kubernetesPairs, problems)
	takeKubernetes(r, merged, exec, problems)
	takeConfigPaths(r, merged, problems)
	takeMaterials(r, merged, problems)
}

// otherThanPlace returns where a setting of Kubernetes is given that says something about
// the way to the server; "" for none.
func otherThanPlace(merged layer) string {
	for _, d := range kubernetesDefinitions {
		if v, ok := merged[d.name]; ok && d.name != NameAPIGroup {
			return v.origin.String()
		}
	}
	return ""
}

// noServer is the answer to a user who has not said yet where the API server is. other is
// where a setting is given; "" for nowhere.
func noServer(other string) string {
	text := "Calico's datastore is Kubernetes, but nothing says where the API server is. Name a kubeconfig in kubernetes.config_path or in the environment variable KUBECONFIG " +
		"(kubectl's default, ~/.kube/config, is not read unless it is named), or the server in kubernetes.host. "
	if other != "" {
		return text + fmt.Sprintf("(In a pod, the pod's own service account is used only if nothing but datastore_type is given; here there is %s.)", other)
	}
	return text + `In a pod, datastore_type = "kubernetes" alone uses the pod's service account.`
}

// takeInline takes the text of a kubeconfig, beside which nothing else counts.
func takeInline(r *Resolved, merged layer, inline value, problems *Problems) {
	r.ConfigInline, r.origins[NameConfigInline] = inline.text(), inline.origin
	takeAPIGroup(r, merged, problems)
	for _, d := range kubernetesDefinitions {
		v, ok := merged[d.name]
		if !ok || d.name == NameAPIGroup || v.origin.Layer != Configuration {
			continue
		}
		problems.add(d.name, v.origin, "Setting beside a whole kubeconfig",
			"%s is given, but the server is named by %s, a whole kubeconfig that is used as it is. Give kubernetes.config_path or kubernetes.host here, too, or take %s out.", v.origin, inline.origin, v.origin)
	}
}

// takeKubernetes takes and checks what can be told without reading a file.
func takeKubernetes(r *Resolved, merged layer, exec *Exec, problems *Problems) {
	if v, ok := merged[NameHost]; ok {
		r.origins[NameHost] = v.origin
		r.Host = checkHost(v, problems)
	}
	takeText(r, merged, NameTLSServerName, &r.TLSServerName)
	takeProxy(r, merged, problems)
	takeAPIGroup(r, merged, problems)
	takeInsecure(r, merged, problems)
	takeExec(r, merged, exec, problems)
	takeToken(r, merged, problems)
}

func takeText(r *Resolved, merged layer, name Name, into *string) {
	if v, ok := merged[name]; ok {
		*into, r.origins[name] = v.text(), v.origin
	}
}

// takeAPIGroup takes the API group. calicoctl takes any other text for
// crd.projectcalico.org/v1, and the names in any case.
func takeAPIGroup(r *Resolved, merged layer, problems *Problems) {
	v, ok := merged[NameAPIGroup]
	if !ok {
		return
	}
	for _, group := range apiGroups {
		if v.text() == group || v.origin.Layer != Configuration && strings.EqualFold(v.text(), group) {
			r.APIGroup, r.origins[NameAPIGroup] = group, v.origin
			return
		}
	}
	problems.add(NameAPIGroup, v.origin, "Unknown API group",
		"%s is %q. Calico's objects are in %q or in %q: write one of them, or leave it out, and the provider finds it out.", v.origin, v.text(), apiGroups[0], apiGroups[1])
}

func takeInsecure(r *Resolved, merged layer, problems *Problems) {
	v, ok := merged[NameInsecure]
	if !ok {
		return
	}
	insecure, err := strconv.ParseBool(v.text())
	if err != nil {
		problems.add(NameInsecure, v.origin, "Neither true nor false", "%s is %q. Write true or false, or leave it unset.", v.origin, v.text())
		return
	}
	r.Insecure, r.Verify, r.origins[NameInsecure] = insecure, !insecure, v.origin
	if !insecure {
		return
	}
	for _, name := range []Name{NameClusterCACert, NameClusterCACertFile} {
		if ca, ok := merged[name]; ok {
			problems.add(NameInsecure, v.origin, "CA of a server that is not checked",
				"%s leaves the API server's certificate unchecked, but %s gives the authority to check it with. Take one of them out.", v.origin, ca.origin)
			return
		}
	}
}

// takeProxy takes the URL of a proxy. It may hold a password, so it is never quoted.
func takeProxy(r *Resolved, merged layer, problems *Problems) {
	v, ok := merged[NameProxyURL]
	if !ok {
		return
	}
	r.ProxyURL, r.origins[NameProxyURL] = v.text(), v.origin
	u, err := url.Parse(v.text())
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) {
		problems.add(NameProxyURL, v.origin, "Proxy that is no URL",
			"%s must be a URL such as http://proxy.example.net:3128, that begins with http://, https:// or socks5://. Correct it; it is not shown, as it may hold a password.", v.origin)
	}
}

// credentials are the settings of a credential that is given as it is.
var credentials = []Name{NameToken, NameClientCert, NameClientCertFile, NameClientKey, NameClientKeyFile}

// takeExec takes the program for credentials. It is given in the provider block, and goes
// before whatever credentials other places give.
func takeExec(r *Resolved, merged layer, exec *Exec, problems *Problems) {
	v, ok := merged[NameExec]
	if !ok {
		return
	}
	r.Exec, r.origins[NameExec] = exec, v.origin
	for _, name := range credentials {
		other, ok := merged[name]
		if !ok {
			continue
		}
		if other.origin.Layer == Configuration {
			problems.add(name, other.origin, fmt.Sprintf("Both exec and %s", name.short()),
				"%s and %s are both given, and the API server would look at one of them. Give one.", v.origin, other.origin)
		}
		delete(merged, name)
	}
	// (What is not known yet is empty.)
	if exec.APIVersion != "" && !slices.Contains(execVersions, exec.APIVersion) {
		problems.add(NameExecAPIVersion, v.origin, "Unknown version of exec",
			"%s is %q. Write %q, or %q if the program knows no other.", NameExecAPIVersion, exec.APIVersion, execVersions[0], execVersions[1])
	}
}

// takeToken takes the bearer token, which is a header of each request.
func takeToken(r *Resolved, merged layer, problems *Problems) {
	v, ok := merged[NameToken]
	if !ok {
		return
	}
	r.Token, r.origins[NameToken] = v.text(), v.origin
	if strings.ContainsFunc(v.text(), func(r rune) bool { return r <= ' ' || r > '~' }) {
		problems.add(NameToken, v.origin, "Not a token",
			"%s holds a blank, the end of a line, or another character that no token has. Give the token alone: trimspace(file(\"token\")) takes off what is at the end of a file.", v.origin)
	}
}

// takeConfigPaths takes the kubeconfig files and the context.
func takeConfigPaths(r *Resolved, merged layer, problems *Problems) {
	context, named := merged[NameConfigContext]
	v, ok := merged[NameConfigPath]
	if !ok {
		// (What other places say of a context is not for this server.)
		if named && context.origin.Layer == Configuration {
			problems.add(NameConfigContext, context.origin, "Context without a kubeconfig",
				"%s is given, but a context is part of a kubeconfig, and none is named. Name one in %s, or take the context out.", context.origin, NameConfigPath)
		}
		return
	}
	takeText(r, merged, NameConfigContext, &r.ConfigContext)
	r.ConfigPaths, r.origins[NameConfigPath] = v.texts, v.origin
	missing := 0
	for _, path := range v.texts {
		if isText(path) {
			problems.add(NameConfigPath, v.origin, "Text in place of a file name",
				"%s must be the name of a kubeconfig file, but is a text of several lines. Write the text to a file, or give what is in it in host, cluster_ca_certificate, token and so on.", v.origin)
			continue
		}
		_, err := os.ReadFile(path)
		if os.IsNotExist(err) && len(v.texts) > 1 {
			missing++ // of several, kubectl passes over what is not there
			continue
		}
		if err != nil {
			unreadable(NameConfigPath, v.origin, path, err, problems)
		}
	}
	if missing == len(v.texts) {
		problems.add(NameConfigPath, v.origin, "Unreadable file", "%s names no kubeconfig that exists: %q. Correct it, or give %s.", v.origin, v.texts, NameConfigPath)
	}
}

// takeMaterials takes the certificates and the key.
func takeMaterials(r *Resolved, merged layer, problems *Problems) {
	ca := readMaterial(merged, NameClusterCACert, NameClusterCACertFile, problems)
	cert := readMaterial(merged, NameClientCert, NameClientCertFile, problems)
	key := readMaterial(merged, NameClientKey, NameClientKeyFile, problems)
	for _, m := range []material{ca, cert, key} {
		if m.name != "" {
			r.origins[m.name] = m.origin
		}
	}
	if readable(ca) {
		checkCA(ca, problems)
	}
	if readable(cert) && readable(key) {
		checkPair(cert, key, NameClientCert, NameClientKey, problems)
	}
	r.ClusterCACert, r.ClientCert, r.ClientKey = ca.pem, cert.pem, key.pem
}

// checkHost returns the URL of the API server in one spelling.
func checkHost(v value, problems *Problems) string {
	text := v.text()
	wrong := func(summary, format string, args ...any) string {
		problems.add(NameHost, v.origin, summary, "%q, from %s, %s", printable(text), v.origin, fmt.Sprintf(format, args...))
		return ""
	}
	scheme, _, found := strings.Cut(text, "://")
	switch {
	case strings.Contains(text, "@"):
		return wrong("Host with a user", "holds a user name or a password. Give a credential in token, client_certificate or exec.")
	case !found:
		return wrong("Host without https://", "has no scheme. Write https://%s.", text)
	case strings.EqualFold(scheme, "http"):
		return wrong("Host without https://", "is not encrypted, and no credential is sent there. Write https://.")
	case !strings.EqualFold(scheme, "https"):
		return wrong("Host without https://", "has the scheme %q. Write https://.", scheme)
	}
	u, err := url.Parse(text)
	if err != nil {
		return wrong("Host that is no URL", "is no URL: %v. Write one such as https://10.0.0.1:6443 or https://[2001:db8::1]:6443.", reason(err))
	}
	if u.Hostname() == "" {
		return wrong("Host that is no URL", "names no host. Write one such as https://10.0.0.1:6443.")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return wrong("Host that is no URL", "goes on after the path. Leave out what begins with ? or #.")
	}
	if u.Port() != "" {
		if port, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
			return wrong("Host with a wrong port", "has a port that is not a number from 1 to 65535.")
		}
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u.String()
}
