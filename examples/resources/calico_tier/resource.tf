# Policies that no other policy may overrule come first. What they do not decide
# goes on to the next tier.
resource "calico_tier" "security" {
  name           = "security"
  order          = 100
  default_action = "Pass"
}
