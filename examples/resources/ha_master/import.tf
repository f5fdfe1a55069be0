import {
  to = ha_master.first
  id = "10.0.0.11"
}
