# The symmetric form: every master is written the same way. The first one that holds the cluster's lock proves that no
# cluster exists and founds it, the rest join.

provider "ha" {
  progress_log = var.progress_log

  ssh {
    user             = var.ssh_user
    become           = var.ssh_user != "root"
    private_key_file = var.ssh_private_key_file
    known_hosts_file = var.ssh_known_hosts_file

    dynamic "bastion" {
      for_each = var.ssh_bastion == null ? [] : [var.ssh_bastion]
      content {
        host = bastion.value
      }
    }
  }
}

resource "ha_loadbalancer" "api" {
  for_each = var.masters

  host     = each.value
  vip      = var.vip
  members  = var.masters
  backends = var.masters

  haproxy {
    image = var.haproxy_image
  }

  keepalived {
    image = var.keepalived_image
  }
}

resource "ha_master" "this" {
  for_each = var.masters

  host                    = each.value
  peers                   = values(var.masters)
  ignore_preflight_errors = var.ignore_preflight_errors

  cluster {
    name                   = var.cluster_name
    kubernetes_version     = var.kubernetes_version
    control_plane_endpoint = ha_loadbalancer.api[each.key].endpoint
    pod_subnet             = var.pod_subnet
    kubelet_config         = var.kubelet_config
    kube_proxy_config      = var.kube_proxy_config
  }
}

resource "ha_worker" "this" {
  for_each = var.workers

  host                    = each.value
  join                    = values(ha_master.this)[0].join
  ignore_preflight_errors = var.ignore_preflight_errors
}
