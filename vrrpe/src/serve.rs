//! What is done about a request of a control client: an answer at once, or a question to the parent
//! and an answer later. Shows nothing itself, and lets nobody act whom the parent did not vouch for.

use crate::control::{REQUESTS, Request, VERSION, refusal};
use crate::orders::named;
use crate::run::{End, Engine};
use serde_json::{Value, json};
use vipd_ipc::msg::{Act, EngineToParent};
use vipd_types::{ClientId, InstanceId, Instant, Object, State};
use vrrpe::request::{Order, Term};

impl Engine {
    /// At most one request a wake-up, so that adverts come first.
    pub(crate) fn serve(&mut self, now: Instant) -> Result<(), End> {
        let registry = self.poll.registry();
        let Some((client, may_act, request)) = self.clients.next_request(registry, now) else {
            return Ok(());
        };
        let answer = match request {
            Request::Show(name) => {
                self.routers.count_what_the_kernel_dropped(now);
                self.show(name.as_deref(), now)
            }
            Request::Explain(name) => self.explain(&name, now),
            Request::Monitor => {
                self.clients.monitors(client);
                return Ok(());
            }
            Request::Unknown => {
                let known = REQUESTS.join(", ");
                let error = format!("unknown request; there are: {known} (vipctl(8))");
                refusal("unknown_request", &error)
            }
            Request::Order(_) | Request::Reload if !may_act => {
                refusal("permission", "this client may only look")
            }
            Request::Reload => {
                let uid = self.clients.uid(client).unwrap_or_default();
                log::info!("uid {uid} asks for a reload");
                self.clients.wait(client);
                return self.tell(&EngineToParent::Reload { client });
            }
            Request::Order(order) => match self.act_of(&order) {
                Ok((act, seconds)) => {
                    self.clients.wait(client);
                    return self.tell(&EngineToParent::Act { client, act, seconds });
                }
                Err(answer) => answer,
            },
        };
        self.clients.answer(client, &answer, now);
        Ok(())
    }

    /// What is ordered, or why that cannot be.
    fn act_of(&self, order: &Order) -> Result<(Act, Option<u32>), Value> {
        let seconds = |term: Term| if let Term::Seconds(n) = term { Some(n) } else { None };
        match order {
            Order::Failover(term, name) => {
                let object = self.find(name)?;
                let owner = self.routers.concerned(object).into_iter().any(|id| self.is_owner(id));
                if owner {
                    let error = "a router that owns the addresses (priority 255) always takes \
                                 them back; use maintenance";
                    return Err(refusal("owner", error));
                }
                Ok((Act::Failover { object, on: *term != Term::Off }, seconds(*term)))
            }
            Order::Priority(adds, term, name) => {
                let named = self.routers.instances.iter().find(|(_, one)| one.slice.name == *name);
                let Some((id, _)) = named else { return Err(unknown(name)) };
                if self.is_owner(*id) {
                    let error = "the priority of an owner is 255, whatever is added to it";
                    return Err(refusal("owner", error));
                }
                let adds = if *term == Term::Off { 0 } else { *adds };
                Ok((Act::Priority { instance: *id, adds }, seconds(*term)))
            }
            Order::Maintenance(term) => {
                Ok((Act::Maintenance { on: *term != Term::Off }, seconds(*term)))
            }
        }
    }

    fn find(&self, name: &str) -> Result<Object, Value> {
        named(name, &self.routers.instances, &self.routers.groups).ok_or_else(|| unknown(name))
    }

    fn is_owner(&self, id: InstanceId) -> bool {
        self.routers.instances.get(&id).is_some_and(|one| one.slice.priority.is_owner())
    }

    /// The parent has put it into the audit trail.
    pub(crate) fn act(
        &mut self,
        client: ClientId,
        act: Act,
        seconds: Option<u32>,
        granted: bool,
        now: Instant,
    ) {
        if !granted {
            let gone = refusal("gone", "the configuration has changed meanwhile; ask again");
            self.clients.answer_waiting(client, &gone, now);
            return;
        }
        let uid = self.clients.uid(client);
        let who = uid.map_or_else(|| "an operator".to_owned(), |uid| format!("uid {uid}"));
        let lasts = seconds.map(|seconds| format!(" for {seconds} s")).unwrap_or_default();
        let text = self.describe(act);
        log::info!("{who}{lasts}: {text}");
        self.routers.order(act, seconds, now, &self.trackers);
        let answer = json!({ "version": VERSION, "ok": true, "text": format!("{text}{lasts}") });
        self.clients.answer_waiting(client, &answer, now);
    }

    /// What an order does, before it is done.
    fn describe(&self, act: Act) -> String {
        let name_of = |id| {
            let instance = self.routers.instances.get(&id);
            instance.map_or_else(String::new, |instance| instance.slice.name.clone())
        };
        match act {
            Act::Failover { object, on } => {
                let all = self.routers.concerned(object);
                let names: Vec<String> = all.iter().copied().map(name_of).collect();
                let leads = all.iter().any(|id| {
                    let router = self.routers.instances.get(id).map(|one| one.router.state());
                    router == Some(State::Master)
                });
                let names = names.join(", ");
                match (on, leads) {
                    (true, true) => format!("{names}: gives up the addresses and stands by"),
                    (true, false) => format!("{names}: stands by"),
                    (false, _) => format!("{names}: no longer stands by"),
                }
            }
            Act::Priority { instance, adds: 0 } => {
                format!("{}: the priority is what the configuration says", name_of(instance))
            }
            Act::Priority { instance, adds } => {
                format!("{}: {adds:+} is added to the priority", name_of(instance))
            }
            Act::Maintenance { on: true } => "all instances are out of service".to_owned(),
            Act::Maintenance { on: false } => "all instances are in service again".to_owned(),
        }
    }
}

fn unknown(name: &str) -> Value {
    refusal("unknown_instance", &format!("no instance or sync group named {name}"))
}
