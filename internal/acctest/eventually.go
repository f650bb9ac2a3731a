package acctest

import (
	"testing"
	"time"
)

// eventuallyTime is how long a test waits for something that a server does by itself.
const eventuallyTime = time.Minute

// Eventually waits until something is so, which is named in the message if it never is.
func Eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	end := time.NewTimer(eventuallyTime)
	defer end.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-end.C:
			t.Fatalf("it is not so after %s: %s", eventuallyTime, what)
		case <-t.Context().Done():
			t.Fatalf("the test ended before it was so: %s", what)
		}
	}
}
