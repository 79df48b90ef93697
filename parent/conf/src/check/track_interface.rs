//! `track_interface`: the interface of the instance is watched always; others are not watched yet,
//! and that does not go unsaid.

use super::address::lines;
use super::value::{interface, no_more_than};
use crate::diagnostic::Say;
use crate::tree::Item;
use vipd_types::IfName;

pub(super) fn speak_of(block: &Item, own: IfName, say: &mut Say) {
    no_more_than(block, 0, say);
    for line in lines(block, say) {
        let (name, at) = (line.keyword.show(), line.span());
        let weight = line.words.iter().skip_while(|word| !word.is("weight")).nth(1);
        if interface(&line.keyword) != Some(own) {
            let message = format!(
                "`{name}` is not tracked by vipd yet: this instance is NOT PROTECTED when it loses \
                 its link"
            );
            let remedy = format!(
                "track a vrrp_script with `script \"/bin/grep -q 1 /sys/class/net/{name}/carrier\"`"
            );
            say.warn(at, message, remedy);
        } else if weight.is_some_and(|word| !word.is("0")) {
            let message = format!(
                "`{name}` is the interface of this instance: it is tracked anyway, and without its \
                 link the instance is in FAULT, whatever the weight"
            );
            say.warn(at, message, "remove the weight");
        } else {
            let message = format!("`{name}` is the interface of this instance, which is tracked anyway");
            say.hint(at, message, "remove the line, or keep it for keepalived");
        }
    }
}
