package readahead

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

// store counts how it is read.
type store struct {
	values    map[string]int
	ones, all int
	err       error
}

func (s *store) get(t *testing.T, c *Cache[int], kind calico.Kind, place string) (int, bool) {
	t.Helper()
	found, err := c.Get(t.Context(), kind, []string{place, "elsewhere"},
		func(context.Context) (map[string]int, error) {
			s.ones++
			v, ok := s.values[place]
			if !ok {
				return nil, s.err
			}
			return map[string]int{place: v}, s.err
		},
		func(context.Context) (map[string]int, error) {
			s.all++
			whole := map[string]int{}
			for k, v := range s.values {
				whole[k] = v
			}
			return whole, s.err
		})
	if !errors.Is(err, s.err) {
		t.Fatalf("the error is %v, want %v", err, s.err)
	}
	v, ok := found[place]
	return v, ok
}

// readSingles returns a cache of a store with the value "a", of which all that is read one by
// one has been read.
func readSingles(t *testing.T, kind calico.Kind) (*Cache[int], *store) {
	t.Helper()
	c, s := &Cache[int]{FailureStands: time.Minute}, &store{values: map[string]int{"a": 1}}
	for range Singles {
		s.get(t, c, kind, "a")
	}
	return c, s
}

func (s *store) wantReads(t *testing.T, ones, all int) {
	t.Helper()
	if s.ones != ones || s.all != all {
		t.Errorf("there were %d single reads and %d of the whole kind, want %d and %d", s.ones, s.all, ones, all)
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := readSingles(t, calico.KindHostEndpoint)
		s.wantReads(t, Singles, 0)
		for range 100 {
			if v, ok := s.get(t, c, calico.KindHostEndpoint, "a"); v != 1 || !ok {
				t.Fatalf("it finds %d, %t", v, ok)
			}
			if _, ok := s.get(t, c, calico.KindHostEndpoint, "b"); ok {
				t.Fatal("it finds what is not there")
			}
		}
		s.wantReads(t, Singles, 1)
		s.get(t, c, calico.KindTier, "a") // another kind is counted for itself
		s.wantReads(t, Singles+1, 1)

		s.values["a"] = 2
		if v, _ := s.get(t, c, calico.KindHostEndpoint, "a"); v != 1 {
			t.Error("what was read is not served")
		}
		c.Forget(calico.KindHostEndpoint)
		if v, _ := s.get(t, c, calico.KindHostEndpoint, "a"); v != 2 {
			t.Error("what was written is not read anew")
		}
		s.values["a"] = 3
		time.Sleep(Window)
		if v, _ := s.get(t, c, calico.KindHostEndpoint, "a"); v != 3 {
			t.Error("what was read is served to those who come later")
		}
		s.wantReads(t, Singles+1, 3)
	})
}

// As long as one read follows the other, they are of one moment.
func TestCacheStandsWhileItIsUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := readSingles(t, calico.KindHostEndpoint)
		began := time.Now()
		for time.Since(began) < Longest {
			if v, _ := s.get(t, c, calico.KindHostEndpoint, "a"); v != 1 {
				t.Fatalf("after %s it finds %d", time.Since(began), v)
			}
			s.values["a"] = 2
			time.Sleep(Window / 2)
		}
		s.wantReads(t, Singles, 1)
		if v, _ := s.get(t, c, calico.KindHostEndpoint, "a"); v != 2 {
			t.Error("what was read is served too long")
		}
		s.wantReads(t, Singles, 2)
	})
}

// What was not there may have been made since, by another part of the same apply.
func TestCacheLooksAgainForWhatWasNotThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := readSingles(t, calico.KindTier)
		s.get(t, c, calico.KindTier, "a")
		s.values["b"] = 1
		time.Sleep(Window / 2)
		if _, ok := s.get(t, c, calico.KindTier, "b"); ok {
			t.Error("it is read again at once")
		}
		time.Sleep(Window / 2)
		if _, ok := s.get(t, c, calico.KindTier, "b"); !ok {
			t.Error("it is taken for missing for too long")
		}
		s.wantReads(t, Singles, 2)
	})
}

// A read of a kind that takes longer than anything stands for all who wait for it.
func TestCacheWaitsForASlowRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &Cache[int]{FailureStands: time.Minute}
		alls := 0
		get := func() {
			_, err := c.Get(t.Context(), calico.KindTier, []string{"a"},
				func(context.Context) (map[string]int, error) { return nil, nil },
				func(context.Context) (map[string]int, error) {
					alls++
					time.Sleep(10 * Window)
					return map[string]int{"a": 1}, nil
				})
			if err != nil {
				t.Error(err)
			}
		}
		for range Singles {
			get()
		}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				for range 20 {
					get()
				}
			})
		}
		all.Wait()
		if alls != 1 {
			t.Errorf("all are read %d times, want once", alls)
		}
	})
}

func TestCacheSharesAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := readSingles(t, calico.KindHostEndpoint)
		s.err = errors.New("no answer")
		for range 100 {
			s.get(t, c, calico.KindHostEndpoint, "a")
		}
		s.wantReads(t, Singles, 1)
		time.Sleep(time.Minute)
		s.err = nil
		if v, _ := s.get(t, c, calico.KindHostEndpoint, "a"); v != 1 {
			t.Error("a failure stands for ever")
		}
	})
}
