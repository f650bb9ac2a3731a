package kubernetes

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

// denied says that the server has refused a request for good.
func (s *Store) denied(reason datastore.DeniedReason, err error) *datastore.DeniedError {
	// (It wraps no answer: it must not pass for one.)
	refused := &datastore.DeniedError{Reason: reason, Server: s.String(), Err: errors.New(safetext.Line(plain(err).Error()))}
	switch reason {
	case datastore.DeniedCredentials:
		refused.Advice = fmt.Sprintf("%s does not accept the credentials: it was given %s. Check that they are valid for this cluster and have not expired: a token that a data source reads at the beginning of a run may expire in a long apply, where an `exec` block gets a new one.", s, s.cfg.credential())
	case datastore.DeniedPermission: // see forbidden
	case datastore.DeniedTLS:
		refused.Advice = fmt.Sprintf("The TLS connection to %s failed. Check that kubernetes.cluster_ca_certificate (or cluster_ca_certificate_file, or the kubeconfig) is the authority that signed the API server's certificate, that the certificate is for the name or address in kubernetes.host (kubernetes.tls_server_name gives another name), and that a client certificate, if there is one, is valid.", s)
	}
	return refused
}

// deniedBy tells whether a request failed for what it showed of itself, or of the server:
// the certificates, or a program that is to make a credential. It is nil for a failure of
// another kind.
func (s *Store) deniedBy(err error) error {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var verification *tls.CertificateVerificationError
	text := err.Error()
	switch {
	case errors.As(err, &authority), errors.As(err, &name), errors.As(err, &invalid), errors.As(err, &record), errors.As(err, &verification),
		strings.Contains(text, "remote error: tls:"), strings.Contains(text, "http: server gave HTTP response to HTTPS client"):
		return s.denied(datastore.DeniedTLS, err)
	case strings.Contains(text, "getting credentials: "):
		return &datastore.DeniedError{
			Reason: datastore.DeniedCredentials, Server: s.String(), Err: errors.New("there is no credential"),
			Advice: fmt.Sprintf("There is no credential for %s: %s did not give one%s. Run the program by hand, and look at what it says.", s, s.cfg.credential(), pluginFailure(text)),
		}
	}
	return nil
}

// unauthorized tells whether the server does not accept the credential.
func unauthorized(err error) bool {
	var d *datastore.DeniedError
	return errors.As(err, &d) && d.Reason == datastore.DeniedCredentials
}

var pluginFailures = regexp.MustCompile(`exec: executable [^\s"]+ (not found|failed with exit code \d+)`)

// pluginFailure tells how a credential program failed. Of an error's text only what is
// known to be no output of the program is passed on.
func pluginFailure(text string) string {
	if m := pluginFailures.FindStringSubmatch(text); m != nil {
		return ": it " + strings.Replace(m[1], "not found", "was not found", 1)
	}
	return ""
}

// plain takes out of an error what is told elsewhere (the URL), and what no log may have.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// forbidden tells of a request that the user may not make.
func (s *Store) forbidden(r request, answer *answerError) error {
	message := answer.status.Message
	for _, cause := range causes(answer) {
		if cause.Type == "NamespaceTerminating" {
			return rejected(r.id, "The namespace %q is being deleted: nothing can be created in it. Wait until it is gone, and make it anew, or use another one.", r.at.namespace)
		}
	}
	if r.writes() && !strings.Contains(message, " cannot ") {
		return rejected(r.id, "The cluster does not let it be written: %s.", strings.TrimSuffix(safetext.Line(message), "."))
	}
	// (A user without the right is told this of a group that is not served, too.)
	refused := &datastore.DeniedError{Reason: datastore.DeniedPermission, Server: s.String(), Err: errors.New(safetext.Line(message))}
	verb, resource := r.verb(), r.at.plural
	if r.path != "" && strings.HasSuffix(r.path, "/status") {
		resource += "/status"
	}
	if strings.Contains(message, ` in tier "`) {
		// Calico's own API server asks for two rights of who reads or writes a policy.
		if resource = "tier." + resource; strings.HasSuffix(message, "(user cannot get tier)") {
			verb, resource = "get", calico.KindTier.Plural()
		}
	}
	where := "at the cluster scope"
	if r.at.namespace != "" {
		where = fmt.Sprintf("in the namespace %q", r.at.namespace)
	}
	user := "the user"
	if m := userName.FindStringSubmatch(message); m != nil {
		user = fmt.Sprintf("the user %q", safetext.Line(m[1]))
	}
	refused.Advice = fmt.Sprintf("%s does not let %s do this (%s): to %s %s of the API group %q %s. The ClusterRole of the provider is in its documentation (guide \"Kubernetes\"); what is missing here is the rule\n\n  - apiGroups: [%q]\n    resources: [%s]\n    verbs: [%s]",
		s, user, s.cfg.credential(), verb, resource, r.at.group, where, r.at.group, resource, verb)
	return refused
}

var userName = regexp.MustCompile(`User "([^"]*)" cannot`)

// verb is what the request does, in the words of RBAC.
func (r request) verb() string {
	switch r.method {
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodPatch:
		return "patch"
	case http.MethodDelete:
		return "delete"
	}
	if r.at.name == "" {
		return "list"
	}
	return "get"
}

// internal tells of an error within the server: a webhook that it does not reach, or a
// failure after which a write may have been done.
func (s *Store) internal(r request, answer *answerError) error {
	message := answer.status.Message
	if i := strings.Index(message, "failed calling webhook"); i >= 0 {
		return rejected(r.id, "A webhook of the cluster has to allow it, and the API server does not reach that: %s. Put the webhook right (`kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations`), and apply again.", safetext.Line(message[i:]))
	}
	if m := unsupported.FindStringSubmatch(message); m != nil {
		return rejected(r.id, "Calico's API server refuses it: %s.", strings.TrimSuffix(safetext.Line(m[1]), "."))
	}
	if r.writes() {
		return &lostError{err: answer}
	}
	return &passingError{err: answer}
}

func causes(answer *answerError) []metav1.StatusCause {
	if answer.status.Details == nil {
		return nil
	}
	return answer.status.Details.Causes
}

func rejected(id calico.ID, format string, values ...any) *datastore.RejectedError {
	return &datastore.RejectedError{ID: id, Reason: fmt.Sprintf(format, values...)}
}

// explainWrite turns an answer to a write, which is neither a success nor a conflict, into
// an error of package datastore. Answers may quote the whole object, which may hold
// secrets of others: only what is known to quote none is passed on.
func (s *Store) explainWrite(r request, err error) error {
	var answer *answerError
	if !errors.As(err, &answer) {
		return err
	}
	message := answer.status.Message
	switch {
	case answer.code == http.StatusNotFound && r.at.namespace != "" && strings.Contains(message, "namespaces "):
		return rejected(r.id, "The namespace %q does not exist in the cluster. Create it first (if it is in this configuration, refer to it, so that Terraform knows the order), or correct its name.", r.at.namespace)
	case answer.code == http.StatusNotFound:
		return rejected(r.id, "The cluster does not serve %s. Install the CustomResourceDefinitions of the release of Calico that is used there.", r.at.resource())
	case (answer.code == http.StatusBadRequest || answer.code == http.StatusUnprocessableEntity) && strings.Contains(message, "strict decoding error"):
		// (Of a JSON patch, the answer quotes the whole object.)
		var fields []string
		for _, m := range unknownField.FindAllStringSubmatch(message, -1) {
			if !slices.Contains(fields, m[1]) {
				fields = append(fields, m[1])
			}
		}
		return rejected(r.id, "The cluster's CustomResourceDefinition of %s does not know: %s. Calico there is older than what the configuration is written for: upgrade its CustomResourceDefinitions, or leave the field out.", r.at.resource(), safetext.Line(strings.Join(fields, ", ")))
	case answer.code == http.StatusUnprocessableEntity:
		return s.invalid(r, answer)
	case answer.code == http.StatusRequestEntityTooLarge:
		return rejected(r.id, "It is larger than the API server takes (by default 1.5 MB as it stores it). Spread what is in it over several objects.")
	default:
		return fmt.Errorf("%s cannot do what was asked for %s: it answers with status %d (%s)", s, safetext.Line(r.at.String()), answer.code, answer.status.Reason)
	}
}

var (
	unknownField    = regexp.MustCompile(`unknown field \\?"([^"\\]*)\\?"`)
	admissionPolicy = regexp.MustCompile(`ValidatingAdmissionPolicy '([^']*)' with binding '[^']*' denied request: (.*)`)
	// (What is before the reason may be the whole object.)
	unsupported   = regexp.MustCompile(`^operation [a-zA-Z ]+ is not supported on (?s:.*): ([^:{}]+)$`)
	admissionHook = regexp.MustCompile(`admission webhook "([^"]*)" denied the request:? ?(.*)`)
)

// admission tells of a refusal by a rule of the cluster, which may come with any status;
// nil if the answer is of another kind.
func admission(r request, answer *answerError) error {
	if m := admissionPolicy.FindStringSubmatch(answer.status.Message); m != nil {
		return rejected(r.id, "The admission policy %q of the cluster forbids it: %s.", safetext.Line(m[1]), strings.TrimSuffix(safetext.Line(m[2]), "."))
	}
	if m := admissionHook.FindStringSubmatch(answer.status.Message); m != nil {
		return rejected(r.id, "The admission webhook %q of the cluster forbids it: %s.", safetext.Line(m[1]), strings.TrimSuffix(safetext.Line(m[2]), "."))
	}
	return nil
}

// invalid tells of an object that breaks a rule of its definition.
func (s *Store) invalid(r request, answer *answerError) error {
	err := rejected(r.id, "The API server does not take it for a valid %s.", r.id.Kind)
	for _, cause := range causes(answer) {
		if _, ok := calico.ParsePath(cause.Field); !ok || cause.Field == "patch" || cause.Field == "<nil>" {
			continue
		}
		err.Causes = append(err.Causes, datastore.Cause{Field: cause.Field, Reason: strings.TrimSuffix(cause.Message, ".")})
	}
	return err
}
