package kubernetes

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/calico-terraform/terraform-provider-calico/internal/safetext"
)

const (
	// maxWarnings is how many warnings of the API server are told in a run.
	maxWarnings = 20
	// maxWarningLength is how many characters of each are told.
	maxWarningLength = 500
)

// warnings are those of the API server that were told.
type warnings struct {
	mu   sync.Mutex
	told map[string]bool
}

// first is true once for each warning, as long as there are not too many. last is true for
// the one after which no more are told.
func (w *warnings) first(warning string) (first, last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told[warning] || len(w.told) == maxWarnings {
		return false, false
	}
	if w.told == nil {
		w.told = map[string]bool{}
	}
	w.told[warning] = true
	return true, len(w.told) == maxWarnings
}

// tellWarnings tells what the API server warns of in an answer, such as that an admission
// policy would rather have something else, or that an API is deprecated: once for each
// object, and for reads once for each kind.
func (s *Store) tellWarnings(ctx context.Context, r request, resp *http.Response) {
	if len(resp.Header["Warning"]) == 0 {
		return
	}
	what := safetext.Line(r.at.String())
	if r.id.Kind != "" {
		what = fmt.Sprintf("%s (%s)", r.id, what)
	} else if r.at.plural != "" {
		what = r.at.resource()
	}
	all, _ := utilnet.ParseWarningHeaders(resp.Header["Warning"])
	for _, warning := range all {
		if warning.Code != warningCode {
			continue
		}
		text := warningText(warning.Text, resp.Request)
		first, last := s.warned.first(what + "\n" + text)
		if !first {
			continue
		}
		detail := fmt.Sprintf("%s answered with a warning when it was asked to %s %s:\n\n%s\n\nIt comes of the cluster's own rules. Nothing failed because of it.", s, r.verb(), what, text)
		if last {
			detail += fmt.Sprintf(" (These were %d warnings; further ones of this run are not shown.)", maxWarnings)
		}
		s.options.Warn(ctx, "The API Server Warns", detail)
	}
}

// warningCode is that of all warnings of an API server.
const warningCode = 299

// warningText makes a warning fit to be shown: one line, not too long, and without the
// credential of the request, if what stands before the API server has put that in.
func warningText(text string, sent *http.Request) string {
	if sent != nil {
		_, password, _ := sent.BasicAuth()
		_, encoded, _ := strings.Cut(sent.Header.Get("Authorization"), " ")
		for _, secret := range []string{password, encoded} {
			if secret != "" {
				text = strings.ReplaceAll(text, secret, "(credential)")
			}
		}
	}
	text = safetext.Line(text)
	if characters := []rune(text); len(characters) > maxWarningLength {
		text = string(characters[:maxWarningLength]) + "..."
	}
	return text
}
