package settings

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with the settings. Its texts hold no secret.
type Problem struct {
	// Setting is the attribute that the problem belongs to.
	Setting Name
	// Index is the element of Setting that is wrong, where it is a list from
	// the provider's configuration; -1 otherwise.
	Index int
	// Origin is where the value came from. The zero value where there is none.
	Origin Origin
	// Summary is a line, Detail a text that says what to do.
	Summary, Detail string
	// Warning is true where the settings can be used all the same.
	Warning bool
}

// Error is the summary and the detail.
func (p Problem) Error() string { return p.Summary + ": " + p.Detail }

// Problems are all the things that are wrong with the settings.
type Problems []Problem

// Err returns the problems that are more than warnings as one error; nil for none.
func (ps Problems) Err() error {
	var fatal Problems
	for _, p := range ps {
		if !p.Warning {
			fatal = append(fatal, p)
		}
	}
	if len(fatal) == 0 {
		return nil
	}
	return fatal
}

// Error is one line or more for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

func (ps *Problems) add(setting Name, origin Origin, summary, format string, args ...any) {
	*ps = append(*ps, Problem{
		Setting: setting,
		Index:   -1,
		Origin:  origin,
		Summary: summary,
		Detail:  fmt.Sprintf(format, args...),
	})
}

func (ps *Problems) warn(setting Name, origin Origin, summary, format string, args ...any) {
	ps.add(setting, origin, summary, format, args...)
	(*ps)[len(*ps)-1].Warning = true
}
