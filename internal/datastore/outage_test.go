package datastore

import (
	"errors"
	"testing"
)

func TestOutage(t *testing.T) {
	var o Outage
	if err := o.Standing(); err != nil {
		t.Errorf("at first there is one: %v", err)
	}
	if o.Begin(errors.New("something else")) || o.Standing() != nil {
		t.Error("a failure of another kind begins one")
	}
	cause := errors.New("no answer")
	if !o.Begin(&UnavailableError{Server: "a", Err: cause}) || o.Begin(&UnavailableError{Err: cause}) {
		t.Error("the first failure begins it, and no other")
	}
	var told *UnavailableError
	if err := o.Standing(); !errors.As(err, &told) || !told.Remembered || !errors.Is(err, cause) || told.Server != "a" {
		t.Errorf("it tells %v", err)
	}
	o.End()
	if err := o.Standing(); err != nil {
		t.Errorf("it goes on after its end: %v", err)
	}
	if !o.Begin(&UnavailableError{Err: cause}) {
		t.Error("another one does not begin")
	}
}
