//go:build dataplane && linux

package dataplane

import "testing"

// TestPods compares what Felix does to connections of pods with verdicts, and in the guide
// with what is expected by hand as well. All of it is of one API server and one Felix, as to
// start them takes long.
func TestPods(t *testing.T) {
	b := newPodBench(t)
	t.Run("guide", func(t *testing.T) { walkPodGuide(t, b, verdictsOnPods) })
	runPodScenarios(t, b, verdictsOnPods)
}

func walkPodGuide(t *testing.T, b *podBench, judge podJudge) {
	t.Helper()
	// A rule of the host itself, and an address that a pod should not have.
	const rule = " INPUT -i cali+ -p tcp --dport 9090 -j DROP"
	b.host.must(t, "iptables -A"+rule)
	t.Cleanup(func() { b.host.must(t, "iptables -D"+rule) })
	b.pods["lab/bare"].must(t, "ip addr add 10.9.9.9/32 dev lo")
	for _, step := range podGuide() {
		passed := t.Run(step.name, func(t *testing.T) {
			b.hold(t, changed(guideWorld(), step.state...))
			b.check(t, b.reaches(step.expect), judge)
		})
		if !passed && b.felix.down() {
			return
		}
	}
	t.Logf("verdicts: %s", b.counts)
	// The step on policies of administrators has seven, and no other leaves any out.
	if b.counts.without > 7 {
		t.Errorf("%d flows were left out", b.counts.without)
	}
}
