import {
  to = ha_worker.this["w1"]
  id = "10.0.0.21"
}
