package calico

import "testing"

func TestParseRelease(t *testing.T) {
	for text, want := range map[string]Release{
		"3.31":                 {3, 31, lastPatch},
		"v3.31.0":              {3, 31, 0},
		"3.29.4":               {3, 29, 4},
		"v3.32.1-12-gabcdef":   {3, 32, 1},
		"v3.29.0-0.dev-1-gabc": {3, 29, 0},
	} {
		got, err := ParseRelease(text)
		if err != nil || got != want {
			t.Errorf("ParseRelease(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "3", "latest", "v3.x", "2.6", "v2.6.12", "3.31.0.1", " 3.31"} {
		if got, err := ParseRelease(text); err == nil {
			t.Errorf("ParseRelease(%q) = %v, want an error", text, got)
		}
	}
}
