terraform {
  required_providers {
    ha = {
      source = "kube-ha/ha"
    }
  }
}

provider "ha" {
  progress_log = "progress.jsonl"

  ssh {
    user             = "ops"
    private_key_file = "~/.ssh/id_ed25519"
    become           = true
  }
}
