//! Which instance of one node belongs to which of the other, and what is said of one alone.

use super::{Findings, Router, pair, there};

pub(super) fn check(ours: &[Router], theirs: &[Router], found: &mut Findings) {
    let mut taken = vec![false; theirs.len()];
    for our in ours {
        let free = || theirs.iter().enumerate().filter(|(n, _)| taken.get(*n) == Some(&false));
        let same = |one: &Router| one.i.vrid == our.i.vrid && one.i.family == our.i.family;
        let rank = |one: &Router| (one.i.name != our.i.name, one.i.interface != our.i.interface);
        let partner = free()
            .filter(|(_, one)| same(one))
            .min_by_key(|(_, one)| rank(one))
            .or_else(|| free().find(|(_, one)| one.i.name == our.i.name));
        let Some((index, their)) = partner else {
            alone(our, found);
            continue;
        };
        if same(their) {
            pair::check(our, their, found);
        } else {
            strangers(our, their, found);
        }
        taken.iter_mut().skip(index).take(1).for_each(|one| *one = true);
    }
    for (their, _) in theirs.iter().zip(&taken).filter(|(_, taken)| !**taken) {
        alone(their, found);
    }
}

fn alone(router: &Router, found: &mut Findings) {
    let message = format!(
        "no instance of the other file has virtual_router_id {} of this family: nobody takes over the \
         addresses of `{}`",
        router.i.vrid,
        router.name()
    );
    let remedy = "write the instance there too, or compare with the file of another node";
    found.warn(router.near(&["virtual_router_id"]), message, remedy);
}

/// One name, and two virtual routers.
fn strangers(our: &Router, their: &Router, found: &mut Findings) {
    let at = their.near(&["virtual_router_id"]);
    let what = if our.i.vrid == their.i.vrid {
        "the first address is of another family".to_owned()
    } else {
        format!("virtual_router_id is {} here and {}", our.i.vrid, their.i.vrid)
    };
    let message = format!(
        "`{}`: {what} at {}: these are two virtual routers, and both would be MASTER",
        our.name(),
        there(at)
    );
    let remedy = "write the same on both nodes";
    found.warn(our.near(&["virtual_router_id"]), message, remedy);
}
