variable "masters" {
  description = "Name and address of each master. The first by name founds the cluster."
  type        = map(string)
}

variable "workers" {
  description = "Name and address of each worker."
  type        = map(string)
  default     = {}
}

variable "vip" {
  description = "Floating IP of the API, free, in the masters' network."
  type        = string
}

variable "kubernetes_version" {
  description = "Version of kubeadm and the kubelet that are installed on the machines."
  type        = string
}

variable "cluster_name" {
  type    = string
  default = "example"
}

variable "pod_subnet" {
  type    = string
  default = "10.244.0.0/16"
}

variable "keepalived_image" {
  description = "Container image with keepalived and curl."
  type        = string
}

variable "haproxy_image" {
  description = "Container image of HAProxy; null for the provider's default."
  type        = string
  default     = null
}

variable "ssh_user" {
  description = "User with root's rights, or with sudo without a password."
  type        = string
  default     = "root"
}

variable "ssh_private_key_file" {
  description = "Private key; null for the agent's."
  type        = string
  default     = null
}

variable "ssh_known_hosts_file" {
  description = "Where host keys are on record; null for ~/.ssh/known_hosts."
  type        = string
  default     = null
}

variable "ssh_bastion" {
  description = "Host that all connections go through; null for none."
  type        = string
  default     = null
}

variable "progress_log" {
  description = "File that gets a line for each step on each host; null for none."
  type        = string
  default     = null
}

# Old machines (cgroup v1, swap, small) need more than kubeadm's defaults; current ones need none of these.

variable "kubelet_config" {
  description = "KubeletConfiguration as YAML."
  type        = string
  default     = null
}

variable "kube_proxy_config" {
  description = "KubeProxyConfiguration as YAML."
  type        = string
  default     = null
}

variable "ignore_preflight_errors" {
  description = "kubeadm's checks that may fail."
  type        = list(string)
  default     = []
}
