//go:build !unix

package acctest

import (
	"errors"
	"os"
)

// lock does not lock here: two processes may then build the same tool, which
// costs time and does no harm, since the result is put in place by a rename.
func lock(string, func()) (unlock func(), err error) { return func() {}, nil }

func pause(*os.Process) error  { return errors.ErrUnsupported }
func resume(*os.Process) error { return errors.ErrUnsupported }
