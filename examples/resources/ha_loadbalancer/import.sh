terraform import 'ha_loadbalancer.api["m1"]' 10.0.0.11
