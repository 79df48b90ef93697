#!/bin/bash
# Shows that the simulator bites: breaks the core in one place at a time, in a copy, and expects the
# simulator to say so. A mutation that changes nothing, or more than one line, is an error of this
# script; a mutation that survives is a hole in the simulator.
#
# usage: mutants.sh [NAME...]    with names, only those
set -u
cd "$(dirname "$0")/../../.."
root=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy"
export CARGO_TARGET_DIR=${MUTANTS_TARGET:-$root/target/mutants} RUST_BACKTRACE=0
wanted=" $* "
survivors=0 tried=0

# name, file below vrrpe/core/src, sed expression
mutant() {
    local name=$1 file=$2 edit=$3
    test "$wanted" = "  " || [[ $wanted == *" $name "* ]] || return 0
    tried=$((tried + 1))
    local from=$root/vrrpe/core/src/$file to=$copy/vrrpe/core/src/$file log=$copy/log
    sed -E "$edit" "$from" >"$to"
    local changed
    changed=$(diff "$from" "$to" | grep -c '^>')
    if test "$changed" != 1; then
        echo "$name: changes $changed lines of $file: adapt it" >&2
        exit 2
    fi
    (cd "$copy" && cargo test --locked --offline -q -p vrrp-core --test core -- sim::) \
        >"$log" 2>&1 </dev/null
    if ! grep -q '^running' "$log"; then
        cat "$log" >&2
        echo "$name: does not build: adapt it" >&2
        exit 2
    fi
    local tests seeds
    tests=$(sed -n 's/^    sim::\(.*\)/\1/p' "$log" | sort -u)
    seeds=$(grep -oE '^# seed [0-9]+: .*' "$log" | head -1 | cut -c3-140)
    if test -z "$tests"; then
        echo "SURVIVES  $name"
        survivors=$((survivors + 1))
    else
        echo "caught    $name: by $(echo "$tests" | wc -l) tests"
        echo "$tests" | head -3 | sed 's/^/    /'
        test -z "$seeds" || echo "    $seeds"
    fi
    cp "$from" "$to"
}

# The quantities of the RFC.
mutant skew-halved timers.rs \
    's/steps\.saturating_mul\(SKEW_STEP_NANOS\)/steps.saturating_mul(SKEW_STEP_NANOS \/ 2)/'
mutant down-timer-one-interval-longer timers.rs \
    's/advert_int\.saturating_mul\(3\)/advert_int.saturating_mul(4)/'
mutant down-timer-one-interval-shorter timers.rs \
    's/advert_int\.saturating_mul\(3\)/advert_int.saturating_mul(2)/'
mutant beats-drift-late timers.rs \
    's/(beats\.saturating_mul\(step\))\)\)/\1).saturating_add(1_000_000))/'

# Who follows whom.
mutant yields-to-an-equal-from-a-lower-address router.rs \
    's/theirs > \(self\.effective\.get\(\), self\.source\(\)\)/heard.priority >= self.effective.get()/'
mutant never-yields-to-an-equal router.rs \
    's/theirs > \(self\.effective\.get\(\), self\.source\(\)\)/heard.priority > self.effective.get()/'
mutant lower-advert-resets-the-timer machine.rs \
    's/(\(Backup, E::Lower\(heard\)\)) if !self\.config\.preempt =>/\1 if !self.config.preempt || heard.priority > 0 =>/'
mutant backup-ignores-priority-0 machine.rs \
    's/(\(Backup, E::GoodBye\(heard\)\) =>) self\.hear_good_bye.*/\1 drop(heard),/'
mutant master-ignores-a-lower-advert machine.rs \
    's/(\(Master, E::Equal\(heard\) \| E::Lower\(heard\)\) =>) self\.force_election.*/\1 drop(heard),/'
mutant nopreempt-is-ignored machine.rs \
    's/(\(Backup, E::Lower\(heard\)\)) if !self\.config\.preempt =>/\1 if self.config.preempt \&\& heard.priority == 0 =>/'
mutant own-advert-is-heard check.rs \
    's/own == Some\(meta\.source\)/own == Some(meta.source) \&\& advert.priority == 0/'

# Terms and addresses.
mutant good-bye-before-the-removal term.rs \
    's/(self\.leaving = Some\(Leaving \{ epoch: self\.epoch, farewell: )Some\(farewell\)( \}\);)/\1None\2 self.send(farewell, out);/'
mutant any-epoch-confirms-a-release term.rs \
    's/\|leaving\| leaving\.epoch == epoch/|leaving| leaving.epoch.0 > 0 || leaving.epoch == epoch/'
mutant stale-epoch-ends-the-term router.rs \
    's/(self\.state == State::Master) && self\.epoch == epoch/\1 \&\& self.epoch >= epoch/'
mutant no-courtesy term.rs \
    's/Some\(now\.plus\(COURTESY\)\)/Some(now)/'
mutant retry-never-ends router.rs \
    's/self\.timers\.retry = None;/self.timers.retry = Some(now.plus(core::time::Duration::from_secs(10)));/'

# Fast handover.
mutant handover-without-being-followed term.rs \
    's/self\.followed\.filter\(\|followed\| followed\.address == from\)/self.followed.filter(|_| true)/'
mutant handover-to-whoever-is-lower handover.rs \
    's/self\.priority < self\.best && //'
mutant handover-gives-rivals-no-time handover.rs \
    's/STEP\.saturating_mul\(steps\)/STEP.saturating_mul(steps.min(1))/'
mutant handover-when-it-is-off handover.rs \
    's/config\.fast_handover && //'

# Pace and news.
mutant falls-make-recoveries-wait term.rs \
    's/(let pace = if self\.effective < before) (\{ &mut self\.falls \}) else \{ &mut self\.rises \}/\1 \2 else \{ \&mut self.falls \}/'
mutant an-advert-makes-all-paces-wait timers.rs \
    's/if core::mem::take\(&mut self\.waits\) \{/if core::mem::take(\&mut self.waits) || true {/'
mutant a-fall-is-not-said machine.rs \
    's/(\(Master, E::Priority \{ before \}\) =>) self\.send_change.*/\1 drop(before),/'
mutant falling-and-rising-shortens term.rs \
    's/let skew = skew\(self\.effective\)\.min\(self\.timers\.skew\);/let skew = skew(self.effective);/'
mutant answers-without-pace term.rs \
    's/self\.answers\.ask\(now, answer_gap\(interval\(&self\.config\)\)\)/self.answers.ask(now, core::time::Duration::ZERO)/'

test "$tried" != 0 || { echo "no such mutation:$wanted" >&2; exit 2; }
echo "$tried mutations, $survivors survived"
test "$survivors" = 0
