package calico

import "testing"

func TestParsePath(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"spec", "spec.ingress[0].source.nets[12]", `metadata.labels["a.b/c"]`, "spec.types"} {
		p, ok := ParsePath(text)
		if !ok || p.String() != text {
			t.Errorf("%s is read as %s, %t", text, p, ok)
		}
	}
	if p, ok := ParsePath("metadata.labels[a.b/c]"); !ok || p.String() != `metadata.labels["a.b/c"]` {
		t.Errorf("a key without quotes is read as %s, %t", p, ok)
	}
	for _, text := range []string{"", "[", "spec[]", "spec..x", "spec."} {
		if p, ok := ParsePath(text); ok {
			t.Errorf("%q is read as %s", text, p)
		}
	}
}
