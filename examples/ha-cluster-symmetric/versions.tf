terraform {
  required_version = ">= 1.8"

  required_providers {
    ha = {
      source = "kube-ha/ha"
    }
  }
}
