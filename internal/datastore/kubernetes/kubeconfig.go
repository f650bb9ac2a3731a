package kubernetes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// readKubeconfigs reads and merges kubeconfig files.
func readKubeconfigs(paths []string) (*api.Config, error) {
	var there []string
	for _, path := range paths {
		text, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && len(paths) > 1:
			continue
		case err != nil:
			return nil, fmt.Errorf("the kubeconfig %q cannot be read: %w", path, pathReason(err))
		}
		if _, err := clientcmd.Load(text); err != nil {
			return nil, unreadable(fmt.Sprintf("the kubeconfig %q", path), err)
		}
		there = append(there, path)
	}
	if len(there) == 0 {
		return nil, fmt.Errorf("%s: no such file", kubeconfigNames(paths))
	}
	config, err := (&clientcmd.ClientConfigLoadingRules{Precedence: there}).Load()
	if err != nil {
		// (Only if a file has changed since it was read above.)
		return nil, unreadable(kubeconfigNames(there), err)
	}
	return config, nil
}

// kubeconfigNames names kubeconfig files in a message.
func kubeconfigNames(paths []string) string {
	var quoted []string
	for _, path := range paths {
		quoted = append(quoted, fmt.Sprintf("%q", path))
	}
	return "the kubeconfig " + strings.Join(quoted, ", ")
}

var lineNumber = regexp.MustCompile(`yaml: (line \d+)`)

// unreadable says that a text is no kubeconfig. The parser's error may quote a credential:
// only the number of the line is passed on.
func unreadable(what string, err error) error {
	at := ""
	if m := lineNumber.FindStringSubmatch(err.Error()); m != nil {
		at = " (" + m[1] + ")"
	}
	return fmt.Errorf("%s is no kubeconfig: it is not YAML of the form that kubectl reads%s. `kubectl config view` with this file says more. Correct it, or name another one in kubernetes.config_path", what, at)
}

// pathReason is an error of os without the path, which is told already.
func pathReason(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
