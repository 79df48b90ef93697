//! What control clients have the engine do: into the audit trail first, with the client's uid, then
//! back to the engine. Does none of it.

use crate::audit::value;
use crate::daemon::{Daemon, Fatal};
use vipd_ipc::msg::{Act, ParentToEngine};
use vipd_types::{ClientId, Object};

impl Daemon {
    pub(crate) fn act(
        &mut self,
        client: ClientId,
        act: Act,
        seconds: Option<u32>,
    ) -> Result<(), Fatal> {
        let uid = self.listener.uid_of(client);
        let what = self.describe(act);
        let granted = uid.is_some() && what.is_some();
        let what = what.unwrap_or_else(|| "what=gone".to_owned());
        self.audit.act(uid, &what, seconds, granted);
        self.permits.allow(client);
        self.tell_engine(&ParentToEngine::Act { client, act, seconds, granted })
    }

    /// `None` for what is not in the configuration any more.
    fn describe(&self, act: Act) -> Option<String> {
        let switch = |on| if on { "on" } else { "off" };
        Some(match act {
            Act::Failover { object: Object::Instance(id), on } => {
                let name = value(&self.plan.instance(id)?.slice.name);
                format!("what=failover instance={name} set={}", switch(on))
            }
            Act::Failover { object: Object::Group(id), on } => {
                let group = self.plan.groups.iter().find(|group| group.id == id)?;
                format!("what=failover group={} set={}", value(&group.name), switch(on))
            }
            Act::Priority { instance, adds } => {
                let name = value(&self.plan.instance(instance)?.slice.name);
                format!("what=priority instance={name} adds={adds}")
            }
            Act::Maintenance { on } => format!("what=maintenance set={}", switch(on)),
        })
    }
}
