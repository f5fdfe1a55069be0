locals {
  masters = {
    m1 = "10.0.0.11"
    m2 = "10.0.0.12"
    m3 = "10.0.0.13"
  }
}

# One for each host that carries the floating IP.
resource "ha_loadbalancer" "api" {
  for_each = local.masters

  host     = each.value
  vip      = "10.0.0.100"
  members  = local.masters
  backends = local.masters

  keepalived {
    image = "registry.example.net/keepalived:2.3.4"
  }
}
