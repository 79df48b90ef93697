//! The `notify` keywords of instances, sync groups and `global_defs`: which command is run when, as
//! whom, and which FIFO is written to. Whether a program or user exists is not known here.

use super::script::{LONGEST, speak_of_missing_quotes, split, time};
use super::value::{self, flag, no_more_than, switch, text};
use crate::config::{Command, Fifo, FifoKind, Globals, Notify, Occasion, ScriptUser};
use crate::diagnostic::{Say, Span};
use crate::lex::Word;
use crate::tree::Item;
use std::collections::BTreeMap;

/// Of one block, with the places of its lines.
#[derive(Default)]
pub(super) struct Wishes {
    commands: BTreeMap<Occasion, (Command, Span)>,
    /// Else as `global_defs` says.
    priority_changes: Option<bool>,
}

impl Wishes {
    /// True if the keyword is one of them.
    pub(super) fn keyword(&mut self, name: &str, item: &Item, say: &mut Say) -> bool {
        if name == "notify_priority_changes" {
            self.priority_changes = switch(item, say).or(self.priority_changes);
            return true;
        }
        let Some(occasion) = Occasion::of(name) else { return false };
        if let Some((_, first)) = self.commands.get(&occasion) {
            let message = format!(
                "`{name}` is on line {} already; this line is ignored, as in keepalived",
                first.line
            );
            say.warn(item.span(), message, "write one script that does both");
            return true;
        }
        if let Some(command) = command(item, say) {
            self.commands.insert(occasion, (command, item.span()));
        }
        true
    }

    pub(super) fn settle(self, priority_changes: bool) -> Notify {
        let commands = self.commands.into_iter();
        Notify {
            commands: commands.map(|(occasion, (command, _))| (occasion, command)).collect(),
            priority_changes: self.priority_changes.unwrap_or(priority_changes),
        }
    }
}

/// `COMMAND [USER [[:]GROUP]]`
fn command(item: &Item, say: &mut Say) -> Option<Command> {
    let word = value::first(item, say)?;
    if word.quoted {
        no_more_than(item, 3, say);
    } else if item.words.len() > 3 {
        let why = "second word is a user, the third a group, and the rest is ignored";
        speak_of_missing_quotes(item, 1, why, say);
    } else if let Some(second) = item.words.get(1) {
        let message = format!(
            "`{}` is taken for the user who runs `{}`, not for an argument",
            second.show(),
            word.show()
        );
        say.hint(second.span, message, "put the command and its arguments in double quotes");
    }
    let argv = split(word, say)?;
    if argv.is_empty() {
        let message = format!("`{}` has no command and is ignored", item.keyword.show());
        say.warn(word.span, message, "write the command in double quotes");
        return None;
    }
    Some(Command { argv, user: user(item, say) })
}

/// The second and third word.
fn user(item: &Item, say: &mut Say) -> Option<ScriptUser> {
    let user = text(item.words.get(1)?, say);
    let group = item.words.get(2).map(|word| text(word, say));
    let group = group.map(|name| name.strip_prefix(':').map(str::to_owned).unwrap_or(name));
    Some(ScriptUser { user, group: group.filter(|name| !name.is_empty()) })
}

/// The part of `global_defs`.
#[derive(Default)]
pub(super) struct Global<'a> {
    fifos: BTreeMap<FifoKind, (Fifo, &'a Word)>,
    scripts: BTreeMap<FifoKind, (Command, Span)>,
    /// `vrrp_notify_priority_changes`
    pub(super) priority_changes: bool,
}

impl<'a> Global<'a> {
    /// True if the keyword is one of them.
    pub(super) fn keyword(
        &mut self,
        globals: &mut Globals,
        name: &str,
        item: &'a Item,
        say: &mut Say,
    ) -> bool {
        match name {
            "notify_timeout" => {
                let zero = Globals::NOTIFY_TIMEOUT;
                super::globals::set(&mut globals.notify_timeout, time(item, zero, say));
            }
            "notify_stop_timeout" => {
                let zero = Globals::NOTIFY_STOP_TIMEOUT;
                let limit = time(item, zero, say).map(|limit| limit.min(LONGEST));
                super::globals::set(&mut globals.notify_stop_timeout, limit);
            }
            "notify_fifo" => self.fifo(FifoKind::All, item, say),
            "vrrp_notify_fifo" => self.fifo(FifoKind::Vrrp, item, say),
            "notify_fifo_script" => self.script(FifoKind::All, item, say),
            "vrrp_notify_fifo_script" => self.script(FifoKind::Vrrp, item, say),
            "vrrp_notify_priority_changes" => {
                super::globals::set(&mut self.priority_changes, switch(item, say));
            }
            "fifo_write_vrrp_states_on_reload" => globals.fifo_states_on_reload = flag(item, say),
            _ => return false,
        }
        true
    }

    fn fifo(&mut self, kind: FifoKind, item: &'a Item, say: &mut Say) {
        no_more_than(item, 3, say);
        let Some(word) = value::first(item, say) else { return };
        if !word.bytes.starts_with(b"/") || word.bytes.contains(&0) {
            let message = format!("`{}` is no absolute path; no FIFO is made", word.show());
            say.warn(word.span, message, "write a path that begins with `/`");
            return;
        }
        let fifo = Fifo { path: word.bytes.clone(), owner: user(item, say), script: None };
        self.fifos.insert(kind, (fifo, word));
    }

    fn script(&mut self, kind: FifoKind, item: &Item, say: &mut Say) {
        if let Some(command) = command(item, say) {
            self.scripts.insert(kind, (command, item.span()));
        }
    }

    /// A script goes to its FIFO, and one path is one FIFO.
    pub(super) fn settle(self, say: &mut Say) -> BTreeMap<FifoKind, Fifo> {
        let mut fifos = self.fifos;
        for (kind, (command, at)) in self.scripts {
            match fifos.get_mut(&kind) {
                Some((fifo, _)) => fifo.script = Some(command),
                None => {
                    let name = kind.keyword();
                    let message = format!("there is no `{name}` to read; the script is not run");
                    say.warn(at, message, format!("write `{name} PATH`, or remove the line"));
                }
            }
        }
        let all = fifos.get(&FifoKind::All).map(|(fifo, _)| fifo.path.clone());
        if let Some((_, word)) =
            fifos.get(&FifoKind::Vrrp).filter(|(f, _)| Some(&f.path) == all.as_ref())
        {
            let message = format!("`{}` is the `notify_fifo` already; one is enough", word.show());
            say.warn(word.span, message, "remove the line");
            fifos.remove(&FifoKind::Vrrp);
        }
        fifos.into_iter().map(|(kind, (fifo, _))| (kind, fifo)).collect()
    }
}
