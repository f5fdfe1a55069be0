terraform import 'ha_worker.this["w1"]' 10.0.0.21
