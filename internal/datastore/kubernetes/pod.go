package kubernetes

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

// pod is what a pod is given to reach the API server with.
type pod struct {
	// host and port are where the API server is.
	host, port string
	// account is the directory of the service account: the files token and ca.crt.
	account string
}

// thisPod is the pod that this runs in. What it is given is the same in every cluster, so
// nobody can set it.
func thisPod() pod {
	return pod{
		host: os.Getenv("KUBERNETES_SERVICE_HOST"), port: os.Getenv("KUBERNETES_SERVICE_PORT"),
		account: "/var/run/secrets/kubernetes.io/serviceaccount",
	}
}

// client is rest.InClusterConfig, but that a missing authority is an error. The token's file
// is read again and again: see rereadToken.
func (p pod) client() (*rest.Config, error) {
	none := func(err error) error {
		return fmt.Errorf("there is no service account to use here: %w. Run the provider in a pod that has one (automountServiceAccountToken), or name the cluster in the block kubernetes", err)
	}
	if p.host == "" || p.port == "" {
		return nil, none(errors.New("this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not both set"))
	}
	token, authority := filepath.Join(p.account, "token"), filepath.Join(p.account, "ca.crt")
	content, err := os.ReadFile(token)
	if err != nil {
		return nil, none(err)
	}
	client := &rest.Config{
		Host:        "https://" + net.JoinHostPort(p.host, p.port),
		BearerToken: string(content), BearerTokenFile: token,
		TLSClientConfig: rest.TLSClientConfig{CAFile: authority},
	}
	if _, err := rest.TLSConfigFor(client); err != nil {
		return nil, none(fmt.Errorf("the authority in %s cannot be used: %w", authority, err))
	}
	return client, nil
}

// rereadToken makes a client read its token's file again every minute, as client-go does,
// and when the token is refused, which client-go by itself does for no token in a file.
func rereadToken(client *rest.Config) error {
	if client.BearerTokenFile == "" {
		return nil
	}
	source := transport.NewCachedFileTokenSource(client.BearerTokenFile)
	if _, err := source.Token(); err != nil {
		return fmt.Errorf("there is no token in the file that is to have it: %w", err)
	}
	client.BearerToken, client.BearerTokenFile = "", ""
	client.Wrap(transport.ResettableTokenSourceWrapTransport(source))
	return nil
}
