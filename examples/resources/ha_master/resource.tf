# Founds the cluster, or joins it if a host of peers has it already.
resource "ha_master" "first" {
  host  = local.masters["m1"]
  peers = values(local.masters)

  cluster {
    name                   = "prod"
    kubernetes_version     = "1.37.2"
    control_plane_endpoint = ha_loadbalancer.api["m1"].endpoint
    pod_subnet             = "10.244.0.0/16"
  }
}

resource "ha_master" "others" {
  for_each = { for name, address in local.masters : name => address if name != "m1" }

  host = each.value
  join = ha_master.first.join
}
