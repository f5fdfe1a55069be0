output "endpoint" {
  description = "Where the API is."
  value       = values(ha_master.this)[0].join.endpoint
}

output "etcd_members" {
  description = "etcd member of each master."
  value       = { for name, master in ha_master.this : name => master.etcd_member_id }
}
