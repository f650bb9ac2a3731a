package provider_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

// TestProviderCalls counts the calls that reach etcd in a whole life of some
// objects. An apply starts the provider twice, to plan and to do it, and each
// looks at the datastore once: a plan without a change only if there is a policy, whose
// rules depend on the release, and every other to tell whether it is locked.
func TestProviderCalls(t *testing.T) {
	t.Parallel()
	const hosts = 4
	var endpoints, changed []string
	for i := range hosts {
		e := hostEndpoint(fmt.Sprintf("db%d", i))
		endpoints = append(endpoints, e)
		changed = append(changed, strings.Replace(e, `"eth0"`, `"eth1"`, 1))
	}
	for name, test := range map[string]struct {
		first, second []string
		objects       int
		// looks are those of a plan without a change.
		looks int
		// kinds are those whose names a plan to create asks for, to tell what exists.
		kinds int
	}{
		"host endpoints": {first: endpoints, second: changed, objects: hosts, looks: 0, kinds: 1},
		"a policy": {
			first: []string{failsafe}, second: []string{strings.Replace(failsafe, "10.1.", "10.2.", 1)},
			objects: 1, looks: 1, kinds: 1,
		},
		"both": {
			first:   append([]string{failsafe}, endpoints...),
			second:  append([]string{strings.Replace(failsafe, "10.1.", "10.2.", 1)}, changed...),
			objects: hosts + 1, looks: 1, kinds: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
			// What the guard asks is counted for itself.
			provider := guardedBy("off", etcd)
			w := newWorkspace(t, append(test.first, provider)...)
			reads := test.objects
			// A plan of a change looks, and so does doing it.
			const look, doing = 1, 1
			count := func(what string, want int, command string, args ...string) {
				t.Helper()
				got := etcd.CallsDuring(t, func() { succeed(t, w, command, args...) })
				expected := map[string]int{}
				if want > 0 {
					expected["Txn"] = want
				}
				if diff := cmp.Diff(expected, got); diff != "" {
					t.Errorf("%s: calls (-want +got):\n%s", what, diff)
				}
				t.Logf("%-28s %d objects: %v", what, test.objects, got)
			}
			count("plan to create", look+test.kinds, "plan")
			// An apply plans, and then plans again in a process of its own.
			count("create", look+doing+test.objects+2*test.kinds, "apply")
			count("plan of no change", test.looks+reads, "plan")
			rewrite(t, w, append(test.second, provider)...)
			count("update", look+reads+doing+test.objects, "apply")
			rewrite(t, w, append(test.first, provider)...)
			count("update without a refresh", look+doing+test.objects, "apply", "-refresh=false")
			// What is destroyed is planned without its rules; a policy is read
			// under the names of its release.
			count("delete without a refresh", look+doing+test.objects, "destroy", "-refresh=false")
			etcd.WantKeys(t, endpointKeys)
			etcd.WantKeys(t, policyKeys)
		})
	}
}

// TestGuardCalls holds that the guard looks at the datastore once in a plan,
// however much is planned, and once more for each write where it is to refuse.
func TestGuardCalls(t *testing.T) {
	t.Parallel()
	const hosts = 20
	configuration := []string{failsafe}
	for i := range hosts {
		endpoint := strings.Replace(hostEndpoint(fmt.Sprintf("db%d", i)), "\n}", "\n  depends_on = [calico_failsafe_policy.this]\n}", 1)
		configuration = append(configuration, onNode(endpoint, fmt.Sprintf("node%d", i)))
	}
	// Beside finding out the release and what else is there.
	const look, surroundings, snapshot = 1, 1, 1
	for mode, perWrite := range map[string]int{"warn": 1, "error": 2} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
			w := newWorkspace(t, append(configuration, guardedBy(mode, etcd))...)
			got := etcd.CallsDuring(t, func() { succeed(t, w, "plan") })
			if want := map[string]int{"Txn": look + surroundings + snapshot}; !maps.Equal(got, want) {
				t.Errorf("plan: %v, want %v", got, want)
			}
			got = etcd.CallsDuring(t, func() { succeed(t, w, "apply") })
			// An apply plans, and then plans again in a process of its own.
			if want := map[string]int{"Txn": 2*(look+surroundings+snapshot) + (hosts+1)*perWrite}; !maps.Equal(got, want) {
				t.Errorf("apply: %v, want %v", got, want)
			}
		})
	}
}

// onNode puts an endpoint on a node of its own.
func onNode(endpoint, node string) string {
	return regexp.MustCompile(`(?m)^(\s*node\s*=).*$`).ReplaceAllString(endpoint, `$1 "`+node+`"`)
}

// logged is a line of the provider's log.
type logged map[string]any

func (l logged) text(name string) string {
	s, _ := l[name].(string)
	return s
}

// readLog returns the provider's lines with the message.
func readLog(t *testing.T, path, message string) []logged {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []logged
	for line := range strings.Lines(string(content)) {
		var l logged
		if err := json.Unmarshal([]byte(line), &l); err == nil && l.text("@message") == message {
			lines = append(lines, l)
		}
	}
	return lines
}

// TestProviderLogsEachCall compares the log with what etcd has counted.
func TestProviderLogsEachCall(t *testing.T) {
	t.Parallel()
	etcd := acctest.NewEtcd(t, acctest.WithCalico("v3.31.0"))
	// Marks of what is in the values.
	const node, network = "node-of-the-value", "10.77.0.0/24"
	provider := etcdBlock(at(etcd.Endpoints...))
	endpoint := strings.Replace(hostEndpoint("h1"), `"db1"`, `"`+node+`"`, 1)
	policy := strings.Replace(failsafe, "10.1.0.0/24", network, 1)
	w := newWorkspace(t, provider, policy, endpoint)
	log := filepath.Join(t.TempDir(), "log")
	w.Env = append(w.Env, "TF_LOG=JSON", "TF_LOG_PATH="+log)

	calls := etcd.CallsDuring(t, func() {
		succeed(t, w, "apply")
		rewrite(t, w, provider, policy, strings.Replace(endpoint, "eth0", "eth1", 1))
		succeed(t, w, "apply")
		// A create that is refused.
		etcd.Put(t, endpointKeys+"h2", "not JSON")
		rewrite(t, w, provider, policy, endpoint, hostEndpoint("h2"))
		run(t, w, "apply")
		etcd.Delete(t, endpointKeys+"h2")
		rewrite(t, w, provider, policy, endpoint)
		succeed(t, w, "destroy")
	})
	lines := readLog(t, log, "datastore call")
	total := 0
	for method, n := range calls {
		if method != "Put" && method != "DeleteRange" { // the test's own
			total += n
		}
	}
	if len(lines) != total {
		t.Errorf("etcd was called %d times (%v), the log has %d lines of it", total, calls, len(lines))
	}

	counts := map[string]int{}
	for _, l := range lines {
		counts[l.text("operation")+" "+l.text("outcome")]++
		duration, isNumber := l["duration_ms"].(float64)
		revision, err := strconv.ParseInt(l.text("revision"), 10, 64)
		if l.text("@level") != "debug" || !strings.HasPrefix(l.text("key"), acctest.CalicoPrefix) ||
			!isNumber || duration <= 0 || err != nil || revision < 1 {
			t.Errorf("a line is %v", l)
		}
		for _, mark := range []string{node, network, "eth0", "not JSON", "all()"} {
			if text := fmt.Sprint(l); strings.Contains(text, mark) {
				t.Errorf("there is a part of a value, %q, in %s", mark, text)
			}
		}
	}
	t.Logf("%d lines: %v", len(lines), counts)
	for what, want := range map[string]int{
		"create ok": 2, "create compare failed": 1, "update ok": 2, "delete ok": 2,
	} {
		if counts[what] != want {
			t.Errorf("the log has %q %d times, want %d; all: %v", what, counts[what], want, slices.Sorted(maps.Keys(counts)))
		}
	}
	if counts["detect ok"] == 0 || counts["get ok"] == 0 {
		t.Errorf("the log has %v", counts)
	}
	// What was decided about the release, and why.
	decided := readLog(t, log, "decided on the release of Calico")
	if len(decided) == 0 || decided[0].text("release") != "v3.31.0" || !strings.Contains(decided[0].text("evidence"), `calicoVersion "v3.31.0"`) {
		t.Errorf("the log tells of the release %v", decided)
	}
}
