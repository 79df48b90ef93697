//! `vipctl show`: one line an instance, and below the table what needs attention. Pure: answer in,
//! text out.

use crate::answer::View;
use crate::text::{Colour, Paint, duration, pad, state_colour, width};
use std::fmt::Write;

const HEAD: [&str; 9] =
    ["INSTANCE", "STATE", "SINCE", "PRIORITY", "INTERFACE", "VRID", "GROUP", "ADDRESSES", "MASTER"];
const STATE_COLUMN: usize = 1;
const PRIORITY_COLUMN: usize = 3;
/// Left out where there is no sync group.
const GROUP_COLUMN: usize = 6;
/// Addresses named in a line; the others are counted.
const ADDRESSES_NAMED: usize = 2;

type Row = [String; HEAD.len()];

pub(crate) fn render(instances: &[View<'_>], paint: Paint) -> String {
    if instances.is_empty() {
        return "no instance is configured\n".to_owned();
    }
    let rows: Vec<Row> = instances.iter().map(|instance| row(*instance)).collect();
    let groups = instances.iter().any(|instance| instance.object("sync_group").is_some());
    let widths: [usize; HEAD.len()] = std::array::from_fn(|column| {
        if column == GROUP_COLUMN && !groups {
            return 0;
        }
        let cells = rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
        width(cells.chain(HEAD.get(column).copied()))
    });
    let mut out = line(&HEAD.map(str::to_owned), &widths, paint, |_, _| Colour::Bold);
    for row in &rows {
        out.push_str(&line(row, &widths, paint, cell_colour));
    }
    for note in instances.iter().flat_map(|instance| notes(*instance)) {
        // Writing to a String does not fail.
        let _ = writeln!(out, "{}", paint.apply(Colour::Bad, &note));
    }
    out
}

fn row(instance: View<'_>) -> Row {
    let text = |key| instance.text(key).unwrap_or_else(|| "-".to_owned());
    [
        text("name"),
        text("state"),
        instance.number("since_seconds").map_or_else(|| "-".to_owned(), duration),
        priority(instance),
        text("interface"),
        text("vrid"),
        group(instance),
        addresses(instance),
        master(instance),
    ]
}

/// The effective priority, with `!` when a tracker is down and `?` when one has no result yet.
fn priority(instance: View<'_>) -> String {
    let Some(priority) = instance.object("priority") else { return "-".to_owned() };
    let effective = priority.text("effective").unwrap_or_else(|| "-".to_owned());
    let trackers = priority.list("trackers");
    let any = |state| trackers.iter().any(|tracker| tracker.raw("state") == Some(state));
    let marker = if any("down") {
        " !"
    } else if any("unknown") {
        " ?"
    } else {
        ""
    };
    effective + marker
}

fn group(instance: View<'_>) -> String {
    let name = instance.object("sync_group").and_then(|group| group.text("name"));
    name.unwrap_or_else(|| "-".to_owned())
}

fn addresses(instance: View<'_>) -> String {
    let all = instance.list("addresses");
    let named: Vec<String> =
        all.iter().take(ADDRESSES_NAMED).filter_map(|entry| entry.text("address")).collect();
    let more = all.len().saturating_sub(ADDRESSES_NAMED);
    match (named.is_empty(), more) {
        (true, _) => "-".to_owned(),
        (false, 0) => named.join(", "),
        (false, _) => format!("{} +{more}", named.join(", ")),
    }
}

fn master(instance: View<'_>) -> String {
    let Some(master) = instance.object("master") else { return "-".to_owned() };
    if master.flag("self") == Some(true) {
        return "this node".to_owned();
    }
    master.text("address").unwrap_or_else(|| "-".to_owned())
}

/// What an operator must see at once: failed checks, a router that takes no part, and a MASTER
/// without its addresses.
fn notes(instance: View<'_>) -> Vec<String> {
    let name = instance.text("name").unwrap_or_else(|| "-".to_owned());
    let mut notes = Vec::new();
    let trackers = instance.object("priority").map(|p| p.list("trackers")).unwrap_or_default();
    for tracker in trackers.iter().filter(|tracker| tracker.raw("state") == Some("down")) {
        let what = tracker.text("name").unwrap_or_else(|| "a tracker".to_owned());
        let why = tracker.text("reason").map(|why| format!(" ({why})")).unwrap_or_default();
        notes.push(format!("! {name}: {what} is down{why}"));
    }
    if let Some(state @ ("FAULT" | "INIT")) = instance.raw("state") {
        let why = instance.text("reason").map(|why| format!(", {why}")).unwrap_or_default();
        notes.push(format!("! {name}: {state}{why}"));
    }
    let operator = instance.object("priority").and_then(|priority| priority.object("operator"));
    if operator.and_then(|operator| operator.object("standby")).is_some() {
        notes.push(format!("! {name}: stands by (vipctl failover)"));
    }
    if instance.raw("state") == Some("MASTER") {
        for entry in instance.list("addresses") {
            if let (Some(false), Some(address)) = (entry.flag("installed"), entry.text("address")) {
                notes.push(format!("! {name}: {address} is not installed"));
            }
        }
    }
    notes
}

fn line(
    cells: &Row,
    widths: &[usize; HEAD.len()],
    paint: Paint,
    colour: fn(usize, &str) -> Colour,
) -> String {
    let mut out = String::new();
    let columns = cells.iter().zip(widths).enumerate();
    for (column, (cell, width)) in columns.filter(|(_, (_, width))| **width > 0) {
        let last = column.saturating_add(1) == HEAD.len();
        let padded = if last { cell.clone() } else { pad(cell, width.saturating_add(2)) };
        out.push_str(&paint.apply(colour(column, cell), &padded));
    }
    out.push('\n');
    out
}

fn cell_colour(column: usize, cell: &str) -> Colour {
    match column {
        STATE_COLUMN => state_colour(cell),
        PRIORITY_COLUMN if cell.ends_with('!') => Colour::Bad,
        PRIORITY_COLUMN if cell.ends_with('?') => Colour::Notice,
        _ => Colour::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn shown(instances: &Value) -> String {
        let answer = json!({ "instances": instances });
        render(&crate::answer::instances(&answer), Paint { on: false })
    }

    #[test]
    fn columns_stand_under_their_heads() {
        let out = shown(&json!([
            { "name": "VI_1", "state": "MASTER", "since_seconds": 243, "interface": "eth0",
              "vrid": 51, "priority": { "effective": 111, "trackers": [{ "state": "up" }] },
              "addresses": [{ "address": "10.88.88.100", "installed": true }],
              "master": { "address": "10.88.88.20", "self": true } },
            { "name": "a_longer_name", "state": "BACKUP", "since_seconds": 1, "interface": "eth0",
              "vrid": 7, "priority": { "effective": 101,
                "trackers": [{ "name": "chk", "state": "down", "reason": "no process" }] },
              "addresses": [{ "address": "10.0.0.1" }, { "address": "10.0.0.2" },
                            { "address": "10.0.0.3" }, { "address": "10.0.0.4" }],
              "master": { "address": "10.0.0.9", "self": false } },
        ]));
        let expected = "\
INSTANCE       STATE   SINCE  PRIORITY  INTERFACE  VRID  ADDRESSES              MASTER
VI_1           MASTER  4m 3s  111       eth0       51    10.88.88.100           this node
a_longer_name  BACKUP  1s     101 !     eth0       7     10.0.0.1, 10.0.0.2 +2  10.0.0.9
! a_longer_name: chk is down (no process)
";
        assert_eq!(out, expected);
    }

    #[test]
    fn groups_have_a_column_where_there_are_any() {
        let out = shown(&json!([
            { "name": "A", "sync_group": { "name": "G1" } },
            { "name": "B", "sync_group": null },
        ]));
        let expected = "\
INSTANCE  STATE  SINCE  PRIORITY  INTERFACE  VRID  GROUP  ADDRESSES  MASTER
A         -      -      -         -          -     G1     -          -
B         -      -      -         -          -     -      -          -
";
        assert_eq!(out, expected);
    }

    #[test]
    fn nothing_told_is_still_a_table() {
        let out = shown(&json!([{}, 7, { "priority": {}, "master": null }]));
        assert_eq!(out.lines().count(), 4);
        assert_eq!(shown(&json!([])), "no instance is configured\n");
    }

    #[test]
    fn what_is_wrong_stands_below() {
        let out = shown(&json!([
            { "name": "A", "state": "MASTER",
              "addresses": [{ "address": "10.0.0.1", "installed": false }] },
            { "name": "B", "state": "FAULT", "reason": "link down\u{1b}" },
            { "name": "C", "state": "INIT" },
        ]));
        assert!(out.contains("\n! A: 10.0.0.1 is not installed\n"), "{out}");
        assert!(out.contains("\n! B: FAULT, link down\\u{1b}\n"), "{out}");
        assert!(out.ends_with("\n! C: INIT\n"), "{out}");
    }
}
