terraform import 'ha_master.first' 10.0.0.11
