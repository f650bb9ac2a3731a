package provider

import (
	"context"
	"errors"
	"fmt"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/provider/schemas"
)

func bgpPeerResource() definition {
	return definition{
		typeName: "bgp_peer",
		kind:     calico.KindBGPPeer,
		schema: schemas.Resource(
			"A `BGPPeer`: a router, or other hosts, with which hosts speak BGP.\n\n"+
				"Passwords are not in it, and so not in Terraform's state: `password` names a Kubernetes secret.",
			schemas.WithMetadata("peer", "rack1-tor", schemas.BGPPeer()),
		),
		checkOthers: checkFilters,
	}
}

// checkFilters looks for the filters that the peer names.
func checkFilters(ctx context.Context, store datastore.Store, obj calico.Object) (calico.FieldErrors, error) {
	peer, ok := obj.(*v3.BGPPeer)
	if !ok {
		return nil, nil
	}
	var faults calico.FieldErrors
	for i, name := range peer.Spec.Filters {
		filter := calico.ID{Kind: calico.KindBGPFilter, Name: name}
		_, err := store.Get(ctx, filter)
		switch {
		case errors.Is(err, datastore.ErrNotFound):
			faults = append(faults, &calico.FieldError{Field: specPath.Field("filters").Index(i), Value: filter,
				Reason: fmt.Sprintf("There is no BGP filter %q: nothing is stored at %s. Create it first, and refer to it (calico_bgp_filter.NAME.name) so that Terraform knows the order.", name, store.Key(ctx, filter))})
		case err != nil:
			return nil, err
		}
	}
	return faults, nil
}
