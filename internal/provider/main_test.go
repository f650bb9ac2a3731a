package provider

import (
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }
