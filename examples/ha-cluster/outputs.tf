output "endpoint" {
  description = "Where the API is."
  value       = ha_master.first.join.endpoint
}

output "ca_cert_hash" {
  description = "What `kubeadm join --discovery-token-ca-cert-hash` would take."
  value       = ha_master.first.ca_cert_hash
}

output "etcd_members" {
  description = "etcd member of each master."
  value       = merge({ (local.first) = ha_master.first.etcd_member_id }, { for name, master in ha_master.others : name => master.etcd_member_id })
}
