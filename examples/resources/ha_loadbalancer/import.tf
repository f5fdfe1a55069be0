import {
  to = ha_loadbalancer.api["m1"]
  id = "10.0.0.11"
}
