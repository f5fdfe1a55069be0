# Three masters behind one floating IP, in the order that Terraform's graph gives: load balancers, first master, other
# masters, workers.

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

locals {
  first = sort(keys(var.masters))[0]
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

resource "ha_master" "first" {
  host                    = var.masters[local.first]
  peers                   = values(var.masters)
  ignore_preflight_errors = var.ignore_preflight_errors

  cluster {
    name                   = var.cluster_name
    kubernetes_version     = var.kubernetes_version
    control_plane_endpoint = ha_loadbalancer.api[local.first].endpoint
    pod_subnet             = var.pod_subnet
    kubelet_config         = var.kubelet_config
    kube_proxy_config      = var.kube_proxy_config
  }
}

resource "ha_master" "others" {
  for_each = { for name, address in var.masters : name => address if name != local.first }

  host                    = each.value
  join                    = ha_master.first.join
  ignore_preflight_errors = var.ignore_preflight_errors
}

resource "ha_worker" "this" {
  for_each = var.workers

  host                    = each.value
  join                    = ha_master.first.join
  ignore_preflight_errors = var.ignore_preflight_errors

  depends_on = [ha_master.others]
}
