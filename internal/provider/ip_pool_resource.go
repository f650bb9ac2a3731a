package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/types"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico/validate"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func ipPoolResource() definition {
	return definition{
		typeName: "ip_pool",
		kind:     calico.KindIPPool,
		schema: schemas.Resource(
			"An `IPPool`: a network from which Calico assigns the addresses of workloads and tunnels.\n\n"+
				"~> **Empty a pool before you destroy it.** Set `disabled = true`, wait until no workload has an address from it, and then destroy it. Terraform deletes the pool alone; calicoctl also gives back the blocks of addresses that hosts hold, which Calico otherwise does by itself in time.",
			schemas.WithMetadata("pool", "default-ipv4-ippool", schemas.IPPool()),
		),
		filled:      schemas.IPPoolFilled,
		replaces:    []string{"cidr", "block_size"},
		checkOthers: checkPools,
		// Seen: what was assigned from the old pool keeps its address and its block,
		// and nothing takes either back.
		replaceWarning: func(state values) (summary, detail string) {
			first := "First set disabled = true in the old pool, and apply: it is in use. Then make"
			if disabled, ok := state["disabled"].(types.Bool); ok && disabled.ValueBool() {
				first = "The old pool is disabled, as it should be. Make"
			}
			return "Pool in Use Would Be Replaced", "cidr and block_size of a pool cannot change in place: Terraform deletes the pool and creates another. The addresses, blocks and affinities that hosts hold from the old pool stay behind, with its block size, and workloads keep addresses of no pool. " +
				first + " the new pool as a resource of its own, with addresses that no pool has, restart the workloads that have addresses from the old one, see that none is left (`calicoctl ipam check`), and remove the old pool last. " +
				"If the old pool was never used, nothing is wrong."
		},
	}
}

// checkPools looks for pools that have addresses in common with this one.
func checkPools(ctx context.Context, store datastore.Store, obj calico.Object) (calico.FieldErrors, error) {
	pool, ok := obj.(*v3.IPPool)
	if !ok || pool.Spec.CIDR == "" {
		return nil, nil
	}
	stored, _, err := store.List(ctx, calico.KindIPPool)
	if err != nil {
		return nil, err
	}
	var others []*v3.IPPool
	keys := map[string]string{}
	for _, s := range stored {
		if other, ok := s.Object.(*v3.IPPool); ok {
			others = append(others, other)
			keys[other.Name] = s.Where
		}
	}
	other := validate.OverlappingPool(pool, others)
	if other == "" {
		return nil, nil
	}
	return calico.FieldErrors{{
		Field: specPath.Field("cidr"), Value: pool.Spec.CIDR,
		Reason: fmt.Sprintf("It has addresses in common with the pool %q, stored at %s: every address is in one pool.", other, keys[other]),
	}}, nil
}
