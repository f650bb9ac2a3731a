//go:build dataplane && linux

package dataplane

import "testing"

// judgePods is what tells the verdict on flows of pods. While there is none, what the
// real Felix does is compared with what is expected by hand alone.
var judgePods podJudge

// TestPods compares what Felix does to connections of pods. All of it is of one API
// server and one Felix, as to start them takes long.
func TestPods(t *testing.T) {
	b := newPodBench(t)
	t.Run("guide", func(t *testing.T) { walkPodGuide(t, b) })
	if judgePods != nil {
		runPodScenarios(t, b, judgePods)
	}
}

func walkPodGuide(t *testing.T, b *podBench) {
	t.Helper()
	// A rule of the host itself, and an address that a pod should not have.
	const rule = " INPUT -i cali+ -p tcp --dport 9090 -j DROP"
	b.host.must(t, "iptables -A"+rule)
	t.Cleanup(func() { b.host.must(t, "iptables -D"+rule) })
	b.pods["lab/bare"].must(t, "ip addr add 10.9.9.9/32 dev lo")
	for _, step := range podGuide() {
		passed := t.Run(step.name, func(t *testing.T) {
			b.hold(t, changed(guideWorld(), step.state...))
			b.check(t, b.reaches(step.expect), judgePods)
		})
		if !passed && b.felix.down() {
			return
		}
	}
}
