//! Routes and rules of the configuration with the numbers of this host's interfaces and routing
//! tables. Reads rt_tables and asks the kernel for interfaces; changes nothing.

use super::numbers::{Interface, interface_of};
use super::{Numbers, PlanError, StaticPlan, Thing, slices};
use crate::kernel::{Kernel, Path, RoutePath, RulePath};
use std::collections::BTreeMap;
use std::path::PathBuf;
use vipd_conf::Config;
use vipd_conf::routing::{Action, Place, Route, Rule, Table};
use vipd_types::Family;

/// What routing tables are called on this host.
pub(super) struct Tables(BTreeMap<String, u32>);

impl Tables {
    /// As iproute2 looks for them: the administrator's files count before the distribution's.
    pub(super) fn of_host() -> Self {
        let mut tables = BTreeMap::new();
        for folder in ["/usr/share/iproute2", "/etc/iproute2"].map(PathBuf::from) {
            let mut files = vec![folder.join("rt_tables")];
            let more = std::fs::read_dir(folder.join("rt_tables.d")).into_iter().flatten();
            files.extend(more.flatten().map(|entry| entry.path()));
            files.retain(|path| path.extension().is_none_or(|end| end == "conf"));
            for text in files.into_iter().filter_map(|path| std::fs::read_to_string(path).ok()) {
                tables.extend(text.lines().filter_map(entry));
            }
        }
        Self(tables)
    }

    fn number(&self, table: &Table, line: &dyn ToString) -> Result<u32, PlanError> {
        match table {
            Table::Number(number) => Ok(*number),
            Table::Name(name) => self
                .0
                .get(name)
                .copied()
                .ok_or_else(|| PlanError::NoTable { line: line.to_string(), table: name.clone() }),
        }
    }
}

/// `NUMBER NAME`, and perhaps a comment.
fn entry(line: &str) -> Option<(String, u32)> {
    let mut words = line.split('#').next()?.split_whitespace();
    let number = words.next()?;
    let number = match number.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    Some((words.next()?.to_owned(), number.ok()?))
}

impl Numbers {
    pub(super) fn statics(
        &mut self,
        config: &Config,
        tables: &Tables,
        kernel: &mut dyn Kernel,
    ) -> Result<Vec<StaticPlan>, PlanError> {
        let mut dependants = Vec::with_capacity(config.track_groups.len());
        for group in &config.track_groups {
            let members = group.members.iter().filter_map(|place| config.instances.get(*place));
            let members = members.map(|one| self.instance(one)).collect::<Result<Vec<_>, _>>()?;
            dependants.push(members);
        }
        let of = |group: Option<usize>| {
            group.and_then(|place| dependants.get(place)).cloned().unwrap_or_default()
        };
        let mut plans = Vec::new();
        for one in &config.statics.addresses {
            let Some(dev) = one.entry.dev else { continue };
            let what = || format!("static address {}", one.entry.address);
            let Interface { name, index } = interface_of(what, &dev, kernel)?;
            let address = slices::address(&one.entry, name, index);
            let thing = Thing::Address(address);
            plans.push(StaticPlan { thing, dependants: of(one.group) });
        }
        let all = &config.statics;
        for one in &all.routes {
            for path in paths(std::slice::from_ref(&one.entry), &[], tables, kernel)? {
                let thing = Thing::Path(path);
                plans.push(StaticPlan { thing, dependants: of(one.group) });
            }
        }
        for one in &all.rules {
            for path in paths(&[], std::slice::from_ref(&one.entry), tables, kernel)? {
                let thing = Thing::Path(path);
                plans.push(StaticPlan { thing, dependants: of(one.group) });
            }
        }
        Ok(plans)
    }
}

/// In the order in which they are added.
pub(super) fn paths(
    routes: &[Route],
    rules: &[Rule],
    tables: &Tables,
    kernel: &mut dyn Kernel,
) -> Result<Vec<Path>, PlanError> {
    let mut paths = Vec::with_capacity(routes.len());
    for route in routes {
        let table = tables.number(&route.table, route)?;
        let mut indexes = Vec::with_capacity(route.hops.len());
        for hop in &route.hops {
            let found = hop.dev.map(|dev| interface_of(|| format!("route {route}"), &dev, kernel));
            indexes.push(found.transpose()?.map(|interface| interface.index));
        }
        paths.extend(parts(route, table, indexes).map(|path| Path::Route(Box::new(path))));
    }
    for rule in rules {
        let table = match &rule.action {
            Action::Table(table) => Some(tables.number(table, rule)?),
            Action::L3mdev
            | Action::Goto(_)
            | Action::Nop
            | Action::Blackhole
            | Action::Unreachable
            | Action::Prohibit => None,
        };
        paths.push(Path::Rule(Box::new(RulePath { wanted: rule.clone(), table })));
    }
    Ok(paths)
}

/// The kernel has a route of IPv6 for each hop, which may go one by one.
fn parts(
    route: &Route,
    table: u32,
    indexes: Vec<Option<u32>>,
) -> impl Iterator<Item = RoutePath> + use<> {
    let is_part = route.hops.len() > 1;
    if route.family == Family::V4 || !is_part {
        let wanted = route.clone();
        return vec![RoutePath { wanted, table, indexes, is_part }].into_iter();
    }
    let hops = route.hops.iter().zip(indexes).enumerate();
    let part = |(nth, (hop, index)): (usize, (&vipd_conf::routing::Hop, Option<u32>))| {
        let place = if nth == 0 { route.place } else { Place::Append };
        let wanted = Route { hops: vec![hop.clone()], place, ..route.clone() };
        RoutePath { wanted, table, indexes: vec![index], is_part }
    };
    hops.map(part).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_names() {
        assert_eq!(entry("254\tmain"), Some(("main".to_owned(), 254)));
        assert_eq!(entry("0x64 vpn # ours"), Some(("vpn".to_owned(), 100)));
        assert!(entry("# 1 inr.ruhep").is_none() && entry("").is_none() && entry("x y").is_none());
    }
}
