// Command vuln asks govulncheck for known vulnerabilities in what the provider's
// binary calls, Go's own library included: `make vuln`. It fails if there is one.
//
// If the database of vulnerabilities cannot be reached, it says so and takes the
// copy that the Go module proxy has of the database's repository, which may be days
// older. If that cannot be had either, it says so, too, and does not fail: no
// answer is no finding.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// database is what govulncheck asks if nobody tells it another.
const database = "https://vuln.go.dev"

// repository is the module that the database is made from.
const repository = "golang.org/x/vulndb"

// found is how govulncheck ends if a vulnerability affects the code.
const found = 3

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vuln:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	program, err := acctest.Tool("govulncheck")
	if err != nil {
		return err
	}
	root, err := acctest.Root()
	if err != nil {
		return err
	}
	from := database
	if err := reach(ctx, database); err != nil {
		fmt.Fprintf(os.Stderr, "*** %s cannot be reached: %v\n", database, err)
		version, dir, err := download(ctx)
		if err != nil {
			fmt.Fprintf(os.Stderr, "*** Nor can its copy %s: %v\n*** NOTHING WAS CHECKED for known vulnerabilities. This is no failure.\n", repository, err)
			return nil
		}
		fmt.Fprintf(os.Stderr, "*** Checked instead against its copy %s %s\n", repository, version)
		from = (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String()
	}
	cmd := exec.CommandContext(ctx, program, "-db", from, ".")
	cmd.Dir = root
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == found {
		return errors.New("vulnerabilities affect the provider: see above, where each says in which version it is fixed")
	}
	if err != nil {
		return fmt.Errorf("govulncheck: %w", err)
	}
	return nil
}

// reach returns an error if the database at address does not answer.
func reach(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/index/db.json", http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", response.Status)
	}
	return nil
}

// download gets the repository of the database as a module, and returns its version
// and the directory of its entries.
func download(ctx context.Context) (version, dir string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", repository+"@latest").Output()
	var module struct{ Version, Dir, Error string }
	if parseErr := json.Unmarshal(out, &module); parseErr != nil {
		return "", "", errors.Join(err, parseErr)
	}
	if err != nil || module.Error != "" {
		return "", "", errors.Join(err, errors.New(module.Error))
	}
	dir = filepath.Join(module.Dir, "data", "osv")
	if _, err := os.Stat(dir); err != nil {
		return "", "", err
	}
	return module.Version, dir, nil
}
