package acceptance

import (
	"strings"
	"testing"

	"github.com/calico-terraform/terraform-provider-calico/internal/acctest"
	"github.com/calico-terraform/terraform-provider-calico/internal/calico"
)

var kubeControllersConfigurationRow = row{
	typeName: "calico_kube_controllers_configuration",
	name:     "default",
	kind:     calico.KindKubeControllersConfiguration,
	release:  "v3.32.1", // policy_migration
	config: map[string]string{
		"log_severity_screen":       `"Warning"`,
		"health_checks":             `"Disabled"`,
		"etcd_v3_compaction_period": `"1m30s"`,
		"prometheus_metrics_port":   `0`,
		"debug_profile_port":        `6060`,
		"labels":                    `{ site = "east" }`,
		"annotations":               `{ owner = "network-team" }`,
		"controllers": `{
    node = {
      reconciler_period = "5m0s"
      sync_labels       = "Disabled"
      leak_grace_period = "0s"
      host_endpoint = {
        auto_create                  = "Enabled"
        create_default_host_endpoint = "Disabled"
        template = [{
          generate_name     = "mgmt"
          interface_cidrs   = ["10.9.0.0/16", "2001:db8:9::/48"]
          interface_pattern = "^eth[01]$"
          labels            = { zone = "mgmt" }
          node_selector     = "rack == 'r1'"
        }]
      }
    }
    policy            = { reconciler_period = "1m0s" }
    workload_endpoint = { reconciler_period = "2m0s" }
    service_account   = { reconciler_period = "3m0s" }
    namespace         = { reconciler_period = "4m0s" }
    load_balancer     = { assign_ips = "RequestedServicesOnly" }
    policy_migration  = { enabled = "Disabled" }
  }`,
	},
	stored: `{
		"kind": "KubeControllersConfiguration",
		"apiVersion": "projectcalico.org/v3",
		"metadata": {
			"name": "default",
			"labels": {"site": "east"},
			"annotations": {"owner": "network-team"}
		},
		"spec": {
			"logSeverityScreen": "Warning",
			"healthChecks": "Disabled",
			"etcdV3CompactionPeriod": "1m30s",
			"prometheusMetricsPort": 0,
			"debugProfilePort": 6060,
			"controllers": {
				"node": {
					"reconcilerPeriod": "5m0s",
					"syncLabels": "Disabled",
					"leakGracePeriod": "0s",
					"hostEndpoint": {
						"autoCreate": "Enabled",
						"createDefaultHostEndpoint": "Disabled",
						"templates": [{
							"generateName": "mgmt",
							"interfaceCIDRs": ["10.9.0.0/16", "2001:db8:9::/48"],
							"interfacePattern": "^eth[01]$",
							"labels": {"zone": "mgmt"},
							"nodeSelector": "rack == 'r1'"
						}]
					}
				},
				"policy": {"reconcilerPeriod": "1m0s"},
				"workloadEndpoint": {"reconcilerPeriod": "2m0s"},
				"serviceAccount": {"reconcilerPeriod": "3m0s"},
				"namespace": {"reconcilerPeriod": "4m0s"},
				"loadBalancer": {"assignIPs": "RequestedServicesOnly"},
				"policyMigration": {"enabled": "Disabled"}
			}
		}
	}`,
	changes: []change{
		{"log_severity_screen", `"Debug"`, []edit{set("spec.logSeverityScreen", `"Debug"`)}, []edit{remove("spec.logSeverityScreen")}},
		{"debug_profile_port", `0`, []edit{set("spec.debugProfilePort", `0`)}, []edit{remove("spec.debugProfilePort")}},
		{"health_checks", `"Enabled"`, []edit{set("spec.healthChecks", `"Enabled"`)}, []edit{set("spec.healthChecks", `"Disabled"`)}},
		{"etcd_v3_compaction_period", `"0s"`, []edit{set("spec.etcdV3CompactionPeriod", `"0s"`)}, []edit{remove("spec.etcdV3CompactionPeriod")}},
		{"prometheus_metrics_port", `9095`, []edit{set("spec.prometheusMetricsPort", `9095`)}, []edit{set("spec.prometheusMetricsPort", `0`)}},
		{"controllers", `{ node = { host_endpoint = { auto_create = "Disabled" }, leak_grace_period = "10m" }, load_balancer = { assign_ips = "AllServices" } }`,
			[]edit{set("spec.controllers", `{"node": {"hostEndpoint": {"autoCreate": "Disabled"}, "leakGracePeriod": "10m0s"}, "loadBalancer": {"assignIPs": "AllServices"}}`)},
			[]edit{set("spec.controllers.namespace", `{}`), set("spec.controllers.node.hostEndpoint.autoCreate", `"Enabled"`)}},
		{"labels", `{ site = "west" }`, []edit{set("metadata.labels.site", `"west"`)}, []edit{set("metadata.labels.added", `"yes"`)}},
		{"annotations", `{ owner = "security-team" }`, []edit{set("metadata.annotations.owner", `"security-team"`)}, []edit{remove("metadata.annotations.owner")}},
	},
	spellings: []spelling{
		{attribute: "etcd_v3_compaction_period", value: `"90s"`, stored: []edit{set("spec.etcdV3CompactionPeriod", `"90s"`)}},
		{attribute: "prometheus_metrics_port", value: `"0"`},
		{attribute: "controllers", stored: []edit{
			set("spec.controllers.node.reconcilerPeriod", `"300s"`),
			set("spec.controllers.node.hostEndpoint.templates[0].nodeSelector", `"rack==\"r1\""`),
			set("spec.controllers.node.hostEndpoint.templates[0].interfaceCIDRs", `["2001:DB8:9::/48", "10.9.0.0/16"]`),
		}},
	},
	invalid: []invalid{
		{name: "another name", set: map[string]string{"name": `"other"`}, path: "name", says: []string{`write "default"`}},
		{name: "no duration", set: map[string]string{"etcd_v3_compaction_period": `"5"`}, path: "etcd_v3_compaction_period", says: []string{"Given: \"5\""}},
		{name: "a switch", set: map[string]string{"controllers": `{ node = { sync_labels = "On" } }`}, path: "controllers.node.sync_labels", says: []string{`"Enabled" or "Disabled"`}},
		{name: "a switch in lower case", set: map[string]string{"controllers": `{ node = { host_endpoint = { auto_create = "enabled" } } }`}, path: "controllers.node.host_endpoint.auto_create", says: []string{`write "Enabled"`}},
		{name: "a template without a name", set: map[string]string{"controllers": `{ node = { host_endpoint = { template = [{ interface_cidrs = ["10.0.0.0/8"] }] } } }`},
			path: "controllers.node.host_endpoint.template[0].generate_name", says: []string{"needs a name"}},
		{name: "templates of one name", set: map[string]string{"controllers": `{ node = { host_endpoint = { template = [{ generate_name = "a", interface_pattern = "a" }, { generate_name = "a", interface_pattern = "b" }] } } }`},
			path: "controllers.node.host_endpoint.template[1].generate_name", says: []string{"a name of its own"}},
		{name: "a template for nothing", set: map[string]string{"controllers": `{ node = { host_endpoint = { template = [{ generate_name = "a" }] } } }`},
			path: "controllers.node.host_endpoint.template[0]", says: []string{"interfaceCIDRs or interfacePattern"}},
		{name: "a port that is too high", set: map[string]string{"prometheus_metrics_port": `65536`}, path: "prometheus_metrics_port", says: []string{"from 0 to 65535"}, plan: true},
		{name: "an empty switch", set: map[string]string{"controllers": `{ load_balancer = { assign_ips = "" } }`}, path: "controllers.load_balancer.assign_ips", says: []string{"leave the attribute out"}},
	},
}

// Automatic host endpoints close nodes as soon as a policy selects them: the plan that
// switches them on says so, and no other.
func TestAutomaticEndpointsAreWarnedOf(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, in newWorld) {
		w := in(t, contents{release: acctest.UsualRelease, kinds: []calico.Kind{calico.KindKubeControllersConfiguration}})
		controllers := func(mode string) string {
			return `
resource "calico_kube_controllers_configuration" "this" {
  name = "default"
  controllers {
    node {
      host_endpoint {
        auto_create = "` + mode + `"
      }
    }
  }
}
`
		}
		workspace := w.workspace(t, acctest.TestCLI(t), w.provider(), controllers("Disabled"))
		closing := func() (told []acctest.Diagnostic) {
			t.Helper()
			for _, d := range acctest.RunAndTell(t, workspace, "plan").Diagnostics {
				if strings.Contains(d.Summary, "Close Nodes") {
					told = append(told, d)
				}
			}
			return told
		}
		if told := closing(); len(told) > 0 {
			t.Errorf("told: %v", told)
		}
		acctest.Succeed(t, workspace, "apply")
		acctest.Rewrite(t, workspace, w.provider(), controllers("Enabled"))
		if told := closing(); len(told) != 1 {
			t.Errorf("told: %v", told)
		} else {
			told[0].Says(t, "calico_failsafe_policy first", "projectcalico-default-allow")
		}
		acctest.Succeed(t, workspace, "apply")
		if told := closing(); len(told) > 0 {
			t.Errorf("told again: %v", told)
		}
	})
}
