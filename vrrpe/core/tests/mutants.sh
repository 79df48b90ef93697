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
    's/(whole\.saturating_mul\(steps\)\.checked_div\()256/\1512/'
mutant skew-of-a-second-in-version-3 timers.rs \
    's/Version::V3 => interval,/Version::V3 => Duration::from_secs(1),/'
mutant down-timer-one-interval-longer timers.rs \
    's/interval\.saturating_mul\(u32::from\(adverts\)\)/interval.saturating_mul(u32::from(adverts).saturating_add(1))/'
mutant down-timer-one-interval-shorter timers.rs \
    's/interval\.saturating_mul\(u32::from\(adverts\)\)/interval.saturating_mul(u32::from(adverts).saturating_sub(1))/'
mutant down-timer-adverts-is-ignored learned.rs \
    's/let adverts = self\.config\.options\.down_timer_adverts;/let adverts = 3;/'
mutant beats-drift-late timers.rs \
    's/(beats\.saturating_mul\(step\))\)\)/\1).saturating_add(1_000_000))/'

# What is learned.
mutant learns-from-whoever-is-accepted backup.rs \
    's/if followed\.address == heard\.from \{/if !heard.from.is_unspecified() {/'
mutant learns-from-a-good-bye backup.rs \
    's/(self\.set_master_down\(self\.skew_time\(\), now\);)/self.adopt(heard, out); \1/'
mutant learns-more-than-the-cap learned.rs \
    's/Some\(theirs\.min\(most\)\)/Some(theirs)/'
mutant cap-below-the-own-interval learned.rs \
    's/\|cap\| cap\.max\(own\)/|cap| cap.min(own.max(cap))/'
mutant master-remembers-what-it-learned term.rs \
    '/counters\.become_master/,/enter/ s/self\.learned = None;/self.learned = self.learned.filter(|_| true);/'

# Who follows whom.
mutant yields-to-an-equal-from-a-lower-address receive.rs \
    's/theirs > \(self\.effective\.get\(\), self\.source\(\)\)/heard.priority >= self.effective.get()/'
mutant never-yields-to-an-equal receive.rs \
    's/theirs > \(self\.effective\.get\(\), self\.source\(\)\)/heard.priority > self.effective.get()/'
mutant lower-advert-resets-the-timer machine.rs \
    's/(\(Backup, E::Lower\(heard\)\)) if !self\.preempts\(now\) =>/\1 if !self.preempts(now) || heard.priority > 0 =>/'
mutant backup-ignores-priority-0 machine.rs \
    's/(\(Backup, E::GoodBye\(heard\)\) =>) self\.hear_good_bye.*/\1 drop(heard),/'
mutant master-ignores-a-lower-advert machine.rs \
    's/(\(Master, E::Equal\(heard\) \| E::Lower\(heard\)\) =>) self\.force_election.*/\1 drop(heard),/'
mutant nopreempt-is-ignored machine.rs \
    's/(\(Backup, E::Lower\(heard\)\)) if !self\.preempts\(now\) =>/\1 if self.preempts(now) \&\& heard.priority == 0 =>/'
mutant own-advert-is-heard check.rs \
    's/own == Some\(from\)/own == Some(from) \&\& advert.priority == 0/'
mutant owner-hears-nobody-in-version-3 check.rs \
    's/config\.version == Version::V2 \|\| config\.options\.owner_ignore_adverts/config.priority.is_owner()/'
mutant owner-does-not-preempt backup.rs \
    's/self\.effective\.is_owner\(\) \|\| \(self\.config\.preempt && is_free\)/self.config.preempt \&\& is_free/'

# preempt_delay, and the manners of a MASTER.
mutant preempt-delay-never-ends backup.rs \
    's/preempt_from\.is_some_and\(\|from\| from <= now\)/preempt_from.is_some_and(|from| from.plus(core::time::Duration::from_secs(1 << 40)) <= now)/'
mutant preempt-delay-begins-anew backup.rs \
    's/self\.backup\.preempt_from\.or\(Some\(now\.plus\(delay\)\)\)/Some(now.plus(delay))/'
mutant preempt-delay-outlives-a-better-master backup.rs \
    's/self\.backup\.preempt_from = None;/self.backup.preempt_from = self.backup.preempt_from.filter(|_| true);/'
mutant handover-despite-preempt-delay backup.rs \
    's/let may_preempt = self\.config\.options\.preempt_delay\.is_zero\(\);/let may_preempt = true;/'
mutant silent-master-answers voice.rs \
    's/if self\.config\.options\.lower_prio_no_advert \{/if self.config.options.lower_prio_no_advert \&\& priority == 0 {/'
mutant yields-without-the-wanted-advert term.rs \
    's/if self\.config\.options\.higher_prio_send_advert \{/if self.config.options.higher_prio_send_advert \&\& priority == 0 {/'

# Terms and addresses.
mutant good-bye-before-the-removal term.rs \
    's/(self\.leaving = Some\(Leaving \{ epoch: self\.epoch, farewell: )Some\(farewell\)( \}\);)/\1None\2 self.send(farewell, out);/'
mutant any-epoch-confirms-a-release term.rs \
    's/\|leaving\| leaving\.epoch == epoch/|leaving| leaving.epoch.0 > 0 || leaving.epoch == epoch/'
mutant stale-epoch-ends-the-term router.rs \
    's/(self\.state == State::Master) && self\.epoch == epoch/\1 \&\& self.epoch >= epoch/'
mutant no-courtesy term.rs \
    's/Some\(now\.plus\(courtesy\(interval\(&self\.config\)\)\)\)/Some(now)/'
mutant the-last-advert-of-another-hides-the-rival backup.rs \
    's/let any_until = self\.any_until\.max\(other\.any_until\);/let any_until = other.any_until;/'
mutant retry-never-ends router.rs \
    's/self\.timers\.retry = None;/self.timers.retry = Some(now.plus(core::time::Duration::from_secs(10)));/'

# What the operator says.
mutant nobody-steps-back router.rs \
    's/(let steps_back =) health\.stands_by\(base\)/\1 self.health.stands_by(base)/'
mutant an-owner-stands-by input.rs \
    's/self\.standby && !base\.is_owner\(\)/self.standby/'
mutant out-of-service-and-serves router.rs \
    's/Link::Up if offline =>/Link::Up if offline \&\& fault =>/'

# Sync groups.
mutant a-member-leads-alone group.rs \
    's/all\(\)\.all\(leads\)/all().any(leads)/'
mutant a-group-does-not-yield group.rs \
    's/all\(\)\.any\(\|m\| m\.follows\)/all().all(|m| m.follows)/'
mutant a-group-serves-with-a-fault group.rs \
    's/all\(\)\.any\(\|m\| m\.obstructed\)/all().all(|m| m.obstructed)/'
mutant a-member-does-not-yield machine.rs \
    's/self\.leave\(Backup, Reason::Yield, Cause::Group, now, out\);/drop(Cause::Group);/'
mutant a-member-has-no-fault-of-its-group member.rs \
    's/\(self\.group == Some\(Order::Fault\)\)\.then_some/(self.group == Some(Order::Fault) \&\& self.state == State::Init).then_some/'
mutant a-claim-outlives-a-better-master backup.rs \
    's/self\.backup\.wants = None;/self.backup.wants = self.backup.wants.filter(|_| true);/'
mutant a-claim-leaves-the-timer member.rs \
    's/self\.timers\.master_down = None;/self.timers.handover = None;/'
mutant a-claim-follows-the-silent-one member.rs \
    's/followed\.filter\(\|followed\| !followed\.is_accepted\(\)\)/followed.filter(|_| true)/'
mutant a-member-becomes-master-alone member.rs \
    's/if self\.group\.is_none\(\) \{/if self.group != Some(Order::Lead) {/'

# Fast handover.
mutant handover-without-being-followed backup.rs \
    's/let followed = self\.backup\.followed\.filter\(\|followed\| followed\.address == from\);/let followed = self.backup.followed;/'
mutant handover-to-whoever-is-lower handover.rs \
    's/self\.priority < self\.best && //'
mutant handover-gives-rivals-no-time handover.rs \
    's/STEP\.saturating_mul\(steps\)/STEP.saturating_mul(steps.min(1))/'
mutant handover-when-it-is-off handover.rs \
    's/config\.fast_handover && //'

# Pace and news.
mutant falls-make-recoveries-wait voice.rs \
    's/(let pace = if self\.effective < before) (\{ &mut self\.falls \}) else \{ &mut self\.rises \}/\1 \2 else \{ \&mut self.falls \}/'
mutant an-advert-makes-all-paces-wait timers.rs \
    's/if core::mem::take\(&mut self\.waits\) \{/if core::mem::take(\&mut self.waits) || true {/'
mutant a-fall-is-not-said machine.rs \
    's/(\(Master, E::Priority \{ before \}\) =>) self\.send_change.*/\1 drop(before),/'
mutant falling-and-rising-shortens backup.rs \
    's/let skew = self\.skew_time\(\)\.min\(self\.timers\.skew\);/let skew = self.skew_time();/'
mutant answers-without-pace voice.rs \
    's/self\.answers\.ask\(now, answer_gap\(interval\(&self\.config\)\)\)/self.answers.ask(now, core::time::Duration::ZERO)/'

test "$tried" != 0 || { echo "no such mutation:$wanted" >&2; exit 2; }
echo "$tried mutations, $survivors survived"
test "$survivors" = 0
