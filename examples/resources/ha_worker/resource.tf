resource "ha_worker" "this" {
  for_each = {
    w1 = "10.0.0.21"
    w2 = "10.0.0.22"
  }

  host = each.value
  join = ha_master.first.join

  labels = {
    "topology.kubernetes.io/zone" = "a"
  }

  # Workers go before the masters when all is destroyed.
  depends_on = [ha_master.others]
}
