//! What can be seen at plan of the removal of a master: whether etcd would keep its quorum as things are now.
use futures::stream::{FuturesUnordered, StreamExt as _};

use crate::{
    etcd::{Refusal, allow_removal},
    lifecycle::{
        cluster::{Survey, known_health, removal_refused},
        notice::Notice,
        spec::RemovalSpec,
    },
};

/// Warns if the removal by itself would cost etcd its quorum. It is no error yet: Terraform asks for one removal at a
/// time, so what else the run removes is not known. Reads only.
pub(crate) async fn foresee_removal(leaving: &RemovalSpec) -> Option<Notice> {
    let mut looks: FuturesUnordered<_> = leaving
        .masters
        .iter()
        .map(|host| async move {
            let survey = Survey::of(std::slice::from_ref(host)).await;
            let seen = survey.masters().next()?;
            let is_own = seen.ca_cert_hash.as_deref() == Some(leaving.ca_cert_hash.as_str());
            if !is_own {
                return None;
            }
            known_health(host).await.ok().flatten()
        })
        .collect();
    let health = loop {
        if let Some(health) = looks.next().await? {
            break health;
        }
    };
    let victim = leaving.member_in(&health.members)?;
    let refusal = allow_removal(&health.voters(), &health.healthy, victim.id).err()?;
    if refusal == Refusal::LastVoter {
        return None;
    }
    let refused = removal_refused(&refusal, &health, &leaving.node_name);
    Some(Notice {
        summary: refused.summary,
        detail: format!(
            "{}\n\nApply refuses this removal before it changes anything, unless the same run removes the masters that are not healthy too, or every master: what else it removes is not known yet.",
            refused.detail
        ),
    })
}
