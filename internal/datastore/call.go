package datastore

import (
	"context"
	"time"
)

// Call describes one request to a datastore, for a log. It holds no value and
// no secret.
type Call struct {
	// Operation is what was asked: get, list, create, update, delete or detect; and
	// withdraw or read back, of a write that got no answer.
	Operation string
	// Key is the key or the prefix that it was about.
	Key string
	// Revision is the revision that the answer gave, if it gave one.
	Revision string
	// Duration is how long the datastore took.
	Duration time.Duration
	// Outcome is "ok", "compare failed", or the kind of error.
	Outcome string
}

// Observer is told of every request to a datastore after it was answered.
type Observer func(ctx context.Context, call Call)
