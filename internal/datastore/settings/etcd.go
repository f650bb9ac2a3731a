package settings

import "strings"

// Etcd are the settings of a datastore in etcd.
type Etcd struct {
	// Endpoints are URLs such as https://10.0.0.1:2379. A list that is there
	// but empty is a mistake, not an unset list.
	Endpoints []string
	// DiscoverySRV is the domain whose SRV records name the endpoints.
	DiscoverySRV string
	// Username and Password are those of an etcd user.
	Username, Password string
	// CACert, Cert and Key are PEM text.
	CACert, Cert, Key string
	// CACertFile, CertFile and KeyFile name PEM files. A relative name is
	// relative to the working directory, as calicoctl takes it.
	CACertFile, CertFile, KeyFile string
}

// ResolvedEtcd is how to reach etcd.
type ResolvedEtcd struct {
	// Endpoints are URLs of the form scheme://host:port, all http or all https.
	// Empty where DiscoverySRV is set.
	Endpoints []string
	// DiscoverySRV is the domain whose SRV records name the endpoints.
	DiscoverySRV string
	// Username and Password are both set or both empty.
	Username, Password string
	// CACert is PEM with one certificate or more; empty for the system's CAs.
	CACert []byte
	// Cert and Key are PEM and belong together, or both empty.
	Cert, Key []byte
}

// The settings of the block "etcd".
const (
	NameEndpoints    Name = "etcd.endpoints"
	NameDiscoverySRV Name = "etcd.discovery_srv"
	NameUsername     Name = "etcd.username"
	NamePassword     Name = "etcd.password"
	NameCACert       Name = "etcd.ca_cert"
	NameCert         Name = "etcd.cert"
	NameKey          Name = "etcd.key"
	NameCACertFile   Name = "etcd.ca_cert_file"
	NameCertFile     Name = "etcd.cert_file"
	NameKeyFile      Name = "etcd.key_file"
)

var etcdDefinitions = []definition{
	{NameEndpoints, calicoctl("ETCD_ENDPOINTS"), "etcdEndpoints", func(s Settings) []string { return s.Endpoints }},
	{NameDiscoverySRV, calicoctl("ETCD_DISCOVERY_SRV"), "etcdDiscoverySrv", text(func(s Settings) string { return s.DiscoverySRV })},
	{NameUsername, calicoctl("ETCD_USERNAME"), "etcdUsername", text(func(s Settings) string { return s.Username })},
	{NamePassword, calicoctl("ETCD_PASSWORD"), "etcdPassword", text(func(s Settings) string { return s.Password })},
	{NameCACert, nil, "etcdCACert", text(func(s Settings) string { return s.CACert })},
	{NameCACertFile, calicoctl("ETCD_CA_CERT_FILE"), "etcdCACertFile", text(func(s Settings) string { return s.CACertFile })},
	{NameCert, nil, "etcdCert", text(func(s Settings) string { return s.Cert })},
	{NameCertFile, calicoctl("ETCD_CERT_FILE"), "etcdCertFile", text(func(s Settings) string { return s.CertFile })},
	{NameKey, nil, "etcdKey", text(func(s Settings) string { return s.Key })},
	{NameKeyFile, calicoctl("ETCD_KEY_FILE"), "etcdKeyFile", text(func(s Settings) string { return s.KeyFile })},
}

// etcdPlaces are the settings that tell where etcd is: one of them is needed.
var etcdPlaces = [2]Name{NameEndpoints, NameDiscoverySRV}

// etcdPairs are settings that say the same thing in two ways.
var etcdPairs = [][2]Name{
	etcdPlaces,
	{NameCACert, NameCACertFile},
	{NameCert, NameCertFile},
	{NameKey, NameKeyFile},
}

// place says where etcd is, as the end of a sentence; "" if that is not given.
func (r ResolvedEtcd) place() string {
	switch {
	case r.DiscoverySRV != "":
		return " at the SRV records of " + r.DiscoverySRV
	case len(r.Endpoints) > 0:
		return " at " + strings.Join(r.Endpoints, ", ")
	default:
		return ""
	}
}

// resolveEtcd takes and checks what etcd is reached with.
func resolveEtcd(r *Resolved, merged layer, problems *Problems) {
	takeDiscovery(r, merged, problems)
	if !has(merged, etcdPlaces[:]...) {
		// A file that could not be read is what is wrong then, not that
		// nothing is given.
		if problems.Err() == nil {
			problems.add(NameEndpoints, Origin{}, "No Calico datastore configured", "%s", nothingSet)
		}
		return
	}
	takeUser(r, merged, problems)
	takeTLS(r, merged, problems)
}

// takeDiscovery takes the endpoints, or the domain to find them with.
func takeDiscovery(r *Resolved, merged layer, problems *Problems) {
	if v, ok := merged[NameEndpoints]; ok {
		r.origins[NameEndpoints] = v.origin
		r.Endpoints = checkEndpoints(v, problems)
	}
	if v, ok := merged[NameDiscoverySRV]; ok {
		r.origins[NameDiscoverySRV] = v.origin
		r.DiscoverySRV = checkDomain(v, problems)
	}
}

// takeUser takes the etcd user. calicoctl uses neither name nor password where
// one is missing, and says nothing.
func takeUser(r *Resolved, merged layer, problems *Problems) {
	username, named := merged[NameUsername]
	password, ok := merged[NamePassword]
	switch {
	case named && !ok:
		problems.add(NameUsername, username.origin, "User name without a password",
			"%s is given, but no password is. Give it in %s or in the environment variable ETCD_PASSWORD, or leave the user name out where etcd's authentication is off.",
			username.origin, NamePassword)
	case ok && !named:
		problems.add(NamePassword, password.origin, "Password without a user name",
			"%s is given, but no user name is. Give it in %s or in the environment variable ETCD_USERNAME, or leave the password out where etcd's authentication is off.",
			password.origin, NameUsername)
	case named:
		r.Username, r.Password = username.text(), password.text()
		r.origins[NameUsername], r.origins[NamePassword] = username.origin, password.origin
	}
}

// takeTLS takes the certificates and the key, if they have a use.
func takeTLS(r *Resolved, merged layer, problems *Problems) {
	if plaintext(r) {
		for _, name := range []Name{NameCert, NameCertFile, NameKey, NameKeyFile, NameCACert, NameCACertFile} {
			if v, ok := merged[name]; ok {
				problems.warn(name, v.origin, "Certificates without TLS",
					"%s is given, but the endpoints from %s are http://, so it is not used and nothing is encrypted. Write https:// where etcd serves TLS.",
					v.origin, r.origins[NameEndpoints])
				return
			}
		}
		return
	}
	ca := readMaterial(merged, NameCACert, NameCACertFile, problems)
	cert := readMaterial(merged, NameCert, NameCertFile, problems)
	key := readMaterial(merged, NameKey, NameKeyFile, problems)
	for _, m := range []material{ca, cert, key} {
		if m.name != "" {
			r.origins[m.name] = m.origin
		}
	}
	if readable(ca) {
		checkCA(ca, problems)
	}
	if readable(cert) && readable(key) {
		checkPair(cert, key, NameCert, NameKey, problems)
	}
	r.CACert, r.Cert, r.Key = ca.pem, cert.pem, key.pem
}

// plaintext tells whether TLS is out of the question.
func plaintext(r *Resolved) bool {
	for _, e := range r.Endpoints {
		if !strings.HasPrefix(e, "http://") {
			return false
		}
	}
	return len(r.Endpoints) > 0
}

// nothingSet is the answer to a user who has not said yet where the datastore is.
const nothingSet = `There is no etcd endpoint, and nothing says that Calico's datastore is Kubernetes. Name the datastore in one of three ways:

1. In the provider block, etcd or Kubernetes:

     provider "calico" {
       etcd {
         endpoints = ["https://10.0.0.1:2379"]
       }
     }

     provider "calico" {
       kubernetes {
         config_path = "/home/ann/.kube/config"
       }
     }

2. In the environment variables of calicoctl:

     ETCD_ENDPOINTS=https://10.0.0.1:2379

     DATASTORE_TYPE=kubernetes KUBECONFIG=/home/ann/.kube/config

3. In a configuration file of calicoctl. It is read only if config_file in the
   provider block, or the environment variable CALICOCTL_CONFIG, names it:

     config_file = "/etc/calico/calicoctl.cfg"`
