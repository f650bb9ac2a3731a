locals {
  rules = yamldecode(file("${path.module}/rules.yaml"))

  # The names that the file may use. One that gets a line in the resource below is
  # added here, too.
  names = {
    rule        = ["action", "protocol", "icmp", "source", "destination"]
    icmp        = ["type", "code"]
    source      = ["nets", "not_nets", "selector", "not_selector", "ports", "not_ports"]
    destination = ["nets", "not_nets", "selector", "not_selector", "ports", "not_ports"]
  }

  # Names that the file uses beyond these, and names without a value.
  wrong = flatten([for i, rule in local.rules : [
    [for name, value in rule : "${name} in rule ${i + 1}" if !contains(local.names.rule, name) || value == null],
    [for part in ["icmp", "source", "destination"] : [
      for name, value in try(rule[part], {}) : "${part}.${name} in rule ${i + 1}" if !contains(local.names[part], name) || value == null
    ]],
  ]])
}

resource "calico_global_network_policy" "database" {
  name     = "database"
  order    = 100
  selector = "role == 'db'"

  dynamic "ingress" {
    for_each = local.rules
    content {
      action   = ingress.value.action
      protocol = try(ingress.value.protocol, null)

      dynamic "icmp" {
        for_each = try([ingress.value.icmp], [])
        content {
          type = try(icmp.value.type, null)
          code = try(icmp.value.code, null)
        }
      }

      dynamic "source" {
        for_each = try([ingress.value.source], [])
        content {
          nets         = try(source.value.nets, null)
          not_nets     = try(source.value.not_nets, null)
          selector     = try(source.value.selector, null)
          not_selector = try(source.value.not_selector, null)
          ports        = try(source.value.ports, null)
          not_ports    = try(source.value.not_ports, null)
        }
      }

      dynamic "destination" {
        for_each = try([ingress.value.destination], [])
        content {
          nets         = try(destination.value.nets, null)
          not_nets     = try(destination.value.not_nets, null)
          selector     = try(destination.value.selector, null)
          not_selector = try(destination.value.not_selector, null)
          ports        = try(destination.value.ports, null)
          not_ports    = try(destination.value.not_ports, null)
        }
      }
    }
  }

  lifecycle {
    # try() makes null of a name that is misspelt in the file, and a condition that is
    # null matches anything: the rule would let everybody in. So the plan stops.
    precondition {
      condition     = length(local.wrong) == 0
      error_message = "rules.yaml has names that no rule has, or names without a value: ${join(", ", local.wrong)}."
    }
  }
}
