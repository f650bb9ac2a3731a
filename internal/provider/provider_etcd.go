package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/calico-terraform/terraform-provider-calico/internal/datastore"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/etcdv3"
	"github.com/calico-terraform/terraform-provider-calico/internal/datastore/settings"
)

// The time limits of etcd.
const (
	etcdDialTimeout    settings.Name = "etcd.dial_timeout"
	etcdRequestTimeout settings.Name = "etcd.request_timeout"
)

// etcdBlock is the block "etcd" of the provider.
func etcdBlock() schema.Block {
	return schema.SingleNestedBlock{
		MarkdownDescription: "Connection to etcd, such as `etcd { endpoints = [\"https://10.2.0.11:2379\"] }`. Default: all of it from the environment or `config_file`. Conflicts with `kubernetes`.",
		Attributes: map[string]schema.Attribute{
			"endpoints": schema.ListAttribute{
				MarkdownDescription: "URLs of the etcd servers, each with `http://` or `https://`, such as `[\"https://10.2.0.11:2379\", \"https://10.2.0.12:2379\"]`. Default: none. Conflicts with `discovery_srv`, and one of the two is required. Environment: `ETCD_ENDPOINTS`, separated by commas.",
				ElementType:         types.StringType,
				Optional:            true,
			},
			"discovery_srv":   optionalText("Domain whose DNS SRV records list the etcd servers, such as `\"example.com\"`. Default: none. Conflicts with `endpoints`. Environment: `ETCD_DISCOVERY_SRV`."),
			"username":        optionalText("Name of the etcd user, such as `\"terraform\"`, whose role may read and write the prefix `/calico/`. Default: none, for an etcd without authentication. Environment: `ETCD_USERNAME`."),
			"password":        optionalSecret("Password of the etcd user, such as `var.etcd_password`. Default: none. Required with `username`. Environment: `ETCD_PASSWORD`."),
			"ca_cert":         optionalText("PEM certificates of the authorities that may have signed etcd's server certificate, such as `file(\"ca.pem\")`. Default: those that the system trusts. Conflicts with `ca_cert_file`."),
			"cert":            optionalText("Client certificate in PEM, such as `file(\"client.pem\")`. Default: none. Conflicts with `cert_file`."),
			"key":             optionalSecret("Private key of the client certificate in PEM, such as `var.etcd_key`. Default: none. Required with `cert`. Conflicts with `key_file`."),
			"ca_cert_file":    optionalText("Path of a file with what `ca_cert` would hold, such as `\"/etc/calico/certs/ca.pem\"`. Default: none. Environment: `ETCD_CA_CERT_FILE`."),
			"cert_file":       optionalText("Path of a file with what `cert` would hold, such as `\"/etc/calico/certs/client.pem\"`. Default: none. Environment: `ETCD_CERT_FILE`."),
			"key_file":        optionalText("Path of a file with what `key` would hold, such as `\"/etc/calico/certs/client-key.pem\"`. Default: none. Environment: `ETCD_KEY_FILE`."),
			"dial_timeout":    optionalText(fmt.Sprintf("Time limit for one attempt to connect, at least one second, such as `\"3s\"`. Default: `%q`.", etcdv3.DefaultDialTimeout)),
			"request_timeout": optionalText(fmt.Sprintf("Time limit for one read or write with all its retries, at least one second, such as `\"1m30s\"`. Default: `%q`.", etcdv3.DefaultRequestTimeout)),
		},
	}
}

// readEtcd takes in what the block "etcd" gives, as far as it is known.
func (b *block) readEtcd(etcd values, diags *diag.Diagnostics) {
	b.settings.Etcd = settings.Etcd{
		DiscoverySRV: etcd.str("discovery_srv"),
		Username:     etcd.str("username"),
		Password:     etcd.str("password"),
		CACert:       etcd.str("ca_cert"),
		Cert:         etcd.str("cert"),
		Key:          etcd.str("key"),
		CACertFile:   etcd.str("ca_cert_file"),
		CertFile:     etcd.str("cert_file"),
		KeyFile:      etcd.str("key_file"),
	}
	if !etcd.isNull("endpoints") && fullyKnown(etcd["endpoints"]) {
		b.settings.Endpoints = []string{}
		for _, e := range elements(etcd["endpoints"]) {
			b.settings.Endpoints = append(b.settings.Endpoints, values{"endpoint": e}.str("endpoint"))
		}
	}
	b.readTimeout(etcdDialTimeout, etcd, etcdv3.DefaultDialTimeout, diags)
	b.readTimeout(etcdRequestTimeout, etcd, etcdv3.DefaultRequestTimeout, diags)
}

// connectEtcd is the way to etcd.
func connectEtcd(resolved settings.ResolvedEtcd, given block) connection {
	cfg := etcdConfig(resolved, given)
	return connection{
		datastoreType:  etcdv3.Type,
		endpoints:      cfg.Endpoints,
		requestTimeout: cfg.RequestTimeout,
		open: func(ctx context.Context) (datastore.Store, error) {
			return etcdv3.New(ctx, cfg, etcdv3.Options{Release: given.release, Observe: observe})
		},
	}
}

// etcdConfig is how etcd is reached.
func etcdConfig(resolved settings.ResolvedEtcd, given block) etcdv3.Config {
	return etcdv3.Config{
		Endpoints:      resolved.Endpoints,
		DiscoverySRV:   resolved.DiscoverySRV,
		Username:       resolved.Username,
		Password:       resolved.Password,
		CACert:         resolved.CACert,
		Cert:           resolved.Cert,
		Key:            resolved.Key,
		DialTimeout:    given.timeouts[etcdDialTimeout],
		RequestTimeout: given.timeouts[etcdRequestTimeout],
	}
}
