//! `vrrp_sync_group`: reads the blocks, finds the members, and settles what being a member does to
//! their checks. Groups and instances may stand in any order.

use super::instance::Found;
use super::script::Scripts;
use super::value::{flag, name, no_more_than, one};
use super::{notify, track, walk};
use crate::config::{SyncGroup, Track};
use crate::diagnostic::{Say, Span};
use crate::keywords::Context;
use crate::lex::Word;
use crate::limits::MEMBERS_MAX;
use crate::tree::Item;
use std::collections::{HashMap, HashSet};
use vipd_types::Weight;

/// What a block says.
pub(super) struct Draft<'a> {
    name: &'a Word,
    group: Option<&'a Item>,
    tracks: Vec<(Track, Span)>,
    /// `sync_group_tracking_weight`
    weights: bool,
    notify: notify::Wishes,
}

pub(super) fn read<'a>(blocks: &[&'a Item], scripts: &Scripts, say: &mut Say) -> Vec<Draft<'a>> {
    let mut names: HashMap<&[u8], Span> = HashMap::new();
    let mut found = Vec::new();
    for block in blocks {
        let Some(name) = one(block, say) else { continue };
        if let Some(first) = names.insert(&name.bytes, name.span) {
            let line = say.line_of(first, name.span);
            let message = format!("a sync group named `{}` is on {line}", name.show());
            let remedy = "give it another name, or remove it";
            say.warn(name.span, format!("{message}; this one is skipped"), remedy);
            names.insert(&name.bytes, first);
            continue;
        }
        let (tracks, notify) = (Vec::new(), notify::Wishes::default());
        let mut draft = Draft { name, group: None, tracks, weights: false, notify };
        let items = block.block.as_deref().unwrap_or_default();
        walk(items, Context::SyncGroup, say, |keyword, item, say| match keyword {
            "group" if draft.group.is_some() => {
                let message = "the members are listed already; this block is skipped";
                say.warn(item.span(), message, "write all members into one block");
            }
            "group" => draft.group = Some(item),
            "track_script" => {
                track::scripts(item, "this group", scripts, &mut draft.tracks, say);
            }
            "track_process" => {
                track::processes(item, "this group", scripts, &mut draft.tracks, say);
            }
            "track_file" => {
                track::files(item, "this group", scripts, &mut draft.tracks, say);
            }
            "track_interface" => {
                track::interfaces(item, "this group", &mut draft.tracks, say);
            }
            keyword if draft.notify.keyword(keyword, item, say) => {}
            _ => draft.weights = flag(item, say),
        });
        found.push(draft);
    }
    found
}

/// `broken` are the names of instances that cannot exist, which is an error already.
pub(super) fn settle(
    drafts: Vec<Draft>,
    instances: &mut [Found],
    broken: &HashSet<String>,
    scripts: &Scripts,
    say: &mut Say,
) -> Vec<SyncGroup> {
    let names: HashMap<String, usize> =
        instances.iter().enumerate().map(|(n, i)| (i.instance.name.clone(), n)).collect();
    let mut taken: HashMap<usize, String> = HashMap::new();
    let mut groups = Vec::new();
    for draft in drafts {
        let words = draft.group.map(member_words).unwrap_or_default();
        let members = members(&draft, &words, &names, broken, &mut taken, say);
        let count = words.iter().filter(|word| broken.contains(&key(word))).count();
        match members.len().saturating_add(count) {
            0 => {
                let message = format!("sync group `{}` has no member and is removed", show(&draft));
                say.warn(draft.name.span, message, "write its instances into `group { … }`");
                continue;
            }
            1 => {
                let message = format!("sync group `{}` has one member only", show(&draft));
                let remedy = "write all instances that must move together, or remove the group";
                say.warn(draft.name.span, message, remedy);
            }
            _ => {}
        }
        tracks(&draft, &members, instances, scripts, say);
        differences(&draft, &members, instances, say);
        if members.len() > MEMBERS_MAX {
            let message = format!("more than {MEMBERS_MAX} members in `{}`", show(&draft));
            say.error(draft.name.span, message, "make two groups of it");
        }
        let notify = draft.notify.settle(false);
        groups.push(SyncGroup { name: name(draft.name, say), members, notify });
    }
    groups
}

fn show(draft: &Draft) -> String {
    draft.name.show()
}

fn key(word: &Word) -> String {
    String::from_utf8_lossy(&word.bytes).into_owned()
}

/// Several names may stand on a line.
pub(super) fn member_words(group: &Item) -> Vec<&Word> {
    let lines = group.block.as_deref().unwrap_or_default();
    lines.iter().flat_map(|line| std::iter::once(&line.keyword).chain(&line.words)).collect()
}

fn members(
    draft: &Draft,
    words: &[&Word],
    names: &HashMap<String, usize>,
    broken: &HashSet<String>,
    taken: &mut HashMap<usize, String>,
    say: &mut Say,
) -> Vec<usize> {
    if let Some(group) = draft.group {
        no_more_than(group, 0, say);
    }
    let mut members = Vec::new();
    for word in words.iter().filter(|word| !broken.contains(&key(word))) {
        let Some(index) = names.get(&key(word)).copied() else {
            let message = format!(
                "there is no vrrp_instance `{}`: the group `{}` moves without it",
                word.show(),
                show(draft)
            );
            say.warn(word.span, message, track::nearest(word, "vrrp_instance", names.keys()));
            continue;
        };
        if members.contains(&index) {
            let message = format!("`{}` is a member already, once is enough", word.show());
            say.warn(word.span, message, "remove it");
            continue;
        }
        if let Some(other) = taken.insert(index, show(draft)) {
            let message = format!(
                "instance `{}` is in the group `{other}` already; it cannot follow two",
                word.show()
            );
            say.error(word.span, message, "write it into one of them, or make them one group");
        }
        members.push(index);
    }
    members
}

/// The weight of one member's check would move that member alone: on the other node it would wait
/// for the rest for ever, and nothing would move. So a failure is a FAULT, which moves all. A check
/// of the group lowers all members alike, and keeps its weight.
fn tracks(
    draft: &Draft,
    members: &[usize],
    instances: &mut [Found],
    scripts: &Scripts,
    say: &mut Say,
) {
    let is_owner = |index: &usize| {
        instances.get(*index).is_some_and(|found| found.instance.priority.is_owner())
    };
    let owned = members.iter().any(is_owner);
    let name = |track: &Track| scripts.name(track.target);
    let mut shared = draft.tracks.clone();
    for (track, at) in shared.iter_mut().filter(|(track, _)| owned && track.weight.get() != 0) {
        let message = format!(
            "a member has priority 255, which no weight lowers: the failure of `{}` puts the whole \
             group in FAULT, as in keepalived",
            name(track)
        );
        say.warn(*at, message, "write `weight 0` behind it, or a priority of 254 or less");
        track.weight = Weight::default();
    }
    for index in members {
        let Some(found) = instances.get_mut(*index) else { continue };
        let Found { instance, tracks_at, .. } = found;
        for (track, at) in instance.tracks.iter_mut().zip(&*tracks_at) {
            if draft.weights || track.weight.get() == 0 {
                continue;
            }
            let message = format!(
                "`{}` is in the sync group `{}`: the weight of `{}` is taken for 0, its failure \
                 puts the WHOLE GROUP in FAULT (keepalived ignores the check)",
                instance.name.escape_debug(),
                show(draft),
                name(track)
            );
            let remedy = "move the line to the same block of the group, or write `weight 0` \
                          behind it (`sync_group_tracking_weight` in the group keeps the weight)";
            say.warn(*at, message, remedy);
            track.weight = Weight::default();
        }
        for (track, at) in &shared {
            if instance.tracks.iter().any(|own| own.target == track.target) {
                let message = format!(
                    "`{}` tracks `{}` itself, and its own line counts",
                    instance.name.escape_debug(),
                    name(track)
                );
                say.warn(*at, message, "write it in the group only");
                continue;
            }
            instance.tracks.push(*track);
            tracks_at.push(*at);
        }
        let all = instance.tracks.drain(..).zip(tracks_at.drain(..)).collect();
        (instance.tracks, *tracks_at) = track::in_order(all);
    }
}

/// What makes one member want something else than the others.
fn differences(draft: &Draft, members: &[usize], instances: &[Found], say: &mut Say) {
    let found = || members.iter().filter_map(|index| instances.get(*index));
    let Some(first) = found().next().map(|found| &found.instance) else { return };
    let mut differ = Vec::new();
    if found().any(|other| other.instance.priority != first.priority) {
        differ.push("priority");
    }
    if found().any(|other| other.instance.advert_int != first.advert_int) {
        differ.push("advert_int");
    }
    if found().any(|other| other.instance.preempt != first.preempt) {
        differ.push("nopreempt");
    }
    if !differ.is_empty() {
        let message = format!(
            "the members of `{}` differ in {}: the slowest one decides when the group moves",
            show(draft),
            differ.join(", ")
        );
        say.hint(draft.name.span, message, "write the same in all members");
    }
}
