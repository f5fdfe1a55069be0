//! etcd beside the API servers: its members, their health, and when one of them may go.
//!
//! **Invariant:** no I/O. A master's own etcd is asked through its JSON gateway with curl and the health-check
//! certificate that kubeadm makes for it: neither etcdctl nor crictl is needed.
mod gateway;
mod member;
mod quorum;
mod turn;

pub use gateway::{known_members_command, member_list_command, member_remove_script, status_command};
pub use member::{AnswerError, Member, MemberStatus, member_at, parse_member_list, parse_status};
pub use quorum::{Refusal, allow_removal, quorum};
pub use turn::{Fate, Turn, Voter, turn};
