package acceptance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
)

// asBlocks writes a value as blocks of the name. A list has a block for each of its
// elements, an object is one block, and null is none. What is neither is a reference,
// to what is not known before it is applied maybe: a dynamic block makes blocks of it.
func asBlocks(t *testing.T, name string, block schema.Block, value string) string {
	t.Helper()
	expression, diags := hclsyntax.ParseExpression([]byte(value), name, hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%v in %s", diags, value)
	}
	return blockWriter{t, value}.write(name, block, expression)
}

// blockWriter writes the parts of a text.
type blockWriter struct {
	t    *testing.T
	text string
}

func (w blockWriter) write(name string, block schema.Block, expression hclsyntax.Expression) string {
	w.t.Helper()
	_, _, repeated := partsOf(w.t, block)
	switch e := expression.(type) {
	case *hclsyntax.TupleConsExpr:
		if !repeated {
			w.t.Fatalf("there is one block %s, and no list: %s", name, w.text)
		}
		var b strings.Builder
		for _, element := range e.Exprs {
			b.WriteString(w.one(name, block, element))
		}
		return b.String()
	case *hclsyntax.ObjectConsExpr:
		if repeated {
			w.t.Fatalf("there is a list of blocks %s, and no single one: %s", name, w.text)
		}
		return w.one(name, block, e)
	case *hclsyntax.LiteralValueExpr:
		if !e.Val.IsNull() {
			w.t.Fatalf("%s is no block: %s", name, w.text)
		}
		return ""
	default:
		return dynamicBlock(w.t, name, block, w.of(e))
	}
}

// one writes an object as a block.
func (w blockWriter) one(name string, block schema.Block, expression hclsyntax.Expression) string {
	w.t.Helper()
	object, ok := expression.(*hclsyntax.ObjectConsExpr)
	if !ok {
		w.t.Fatalf("a block %s cannot be %s", name, w.of(expression))
	}
	_, blocks, _ := partsOf(w.t, block)
	var b strings.Builder
	b.WriteString(name + " {\n")
	for _, item := range object.Items {
		key := hcl.ExprAsKeyword(item.KeyExpr)
		if inner, ok := blocks[key]; ok {
			b.WriteString(w.write(key, inner, item.ValueExpr))
		} else {
			b.WriteString(key + " = " + w.of(item.ValueExpr) + "\n")
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// of returns the text of an expression.
func (w blockWriter) of(expression hclsyntax.Expression) string {
	return string(expression.Range().SliceBytes([]byte(w.text)))
}

// dynamicBlock makes the blocks of what an expression is. It has all that the schema
// has, and leaves out what the value does not have.
func dynamicBlock(t *testing.T, name string, block schema.Block, expression string) string {
	t.Helper()
	attributes, blocks, repeated := partsOf(t, block)
	if !repeated {
		expression = "(" + expression + ")[*]" // of null there is none
	}
	var b strings.Builder
	fmt.Fprintf(&b, "dynamic %q {\nfor_each = %s\ncontent {\n", name, expression)
	for _, attribute := range slices.Sorted(maps.Keys(attributes)) {
		fmt.Fprintf(&b, "%[2]s = try(%[1]s.value.%[2]s, null)\n", name, attribute)
	}
	for _, inner := range slices.Sorted(maps.Keys(blocks)) {
		none := "null"
		if _, _, repeated := partsOf(t, blocks[inner]); repeated {
			none = "[]"
		}
		b.WriteString(dynamicBlock(t, inner, blocks[inner], fmt.Sprintf("try(%s.value.%s, %s)", name, inner, none)))
	}
	b.WriteString("}\n}\n")
	return b.String()
}

// partsOf returns what is in a block, and whether there may be several.
func partsOf(t *testing.T, block schema.Block) (attributes map[string]schema.Attribute, blocks map[string]schema.Block, repeated bool) {
	t.Helper()
	switch b := block.(type) {
	case schema.ListNestedBlock:
		return b.NestedObject.Attributes, b.NestedObject.Blocks, true
	case schema.SingleNestedBlock:
		return b.Attributes, b.Blocks, false
	default:
		t.Fatalf("these tests do not write a %T yet", block)
		return nil, nil, false
	}
}

func TestAcceptanceWritesBlocks(t *testing.T) {
	t.Parallel()
	policy := resourceSchemas(t)["calico_global_network_policy"].Blocks
	const rule = `[{ action = "Allow", source = { nets = ["10.0.0.0/8", "${var.net}"] }, http = { path = [{ exact = "/a" }, { prefix = "/b/" }] }, icmp = null, metadata = { annotations = { "a/b" = "1" } } }, { action = "Log" }]`
	const want = `ingress {
action = "Allow"
source {
nets = ["10.0.0.0/8", "${var.net}"]
}
http {
path {
exact = "/a"
}
path {
prefix = "/b/"
}
}
metadata {
annotations = { "a/b" = "1" }
}
}
ingress {
action = "Log"
}
`
	if got := asBlocks(t, "ingress", policy["ingress"], rule); got != want {
		t.Errorf("there is\n%s\nand not\n%s", got, want)
	}
	for _, nothing := range []string{"null", "[]"} {
		if got := asBlocks(t, "ingress", policy["ingress"], nothing); got != "" {
			t.Errorf("of %s there is\n%s", nothing, got)
		}
	}
	got := asBlocks(t, "ingress", policy["ingress"], "terraform_data.rules.output")
	for _, part := range []string{
		"dynamic \"ingress\" {\nfor_each = terraform_data.rules.output\ncontent {\naction = try(ingress.value.action, null)\n",
		"dynamic \"source\" {\nfor_each = (try(ingress.value.source, null))[*]\n",
		"dynamic \"path\" {\nfor_each = try(http.value.path, [])\n",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("there is no\n%s\nin\n%s", part, got)
		}
	}
}
