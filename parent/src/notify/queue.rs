//! What one instance or sync group has still to be told, in order. Pure. One command at a time; a
//! bounded number waits, and when changes come faster than commands end, the oldest are left out,
//! never the last state.

use std::collections::VecDeque;
use vipd_types::{Generation, News, NotifyId, RunId};

/// News that wait behind the one that is being told.
const WAITING: usize = 8;

/// One thing to tell, and the commands that are told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) news: News,
    pub(super) priority: u8,
    pub(super) commands: VecDeque<(Generation, NotifyId)>,
}

/// A command that may be started now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) generation: Generation,
    pub(super) command: NotifyId,
    pub(super) news: News,
    pub(super) priority: u8,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) running: Option<(RunId, News)>,
    /// The first is being told.
    items: VecDeque<Item>,
    left_out: u64,
}

impl Queue {
    /// How many were left out for it: those that nobody is told of any more.
    pub(super) fn push(&mut self, item: Item) -> usize {
        self.forget_told();
        let first = usize::from(self.running.is_some());
        let waiting = self.items.len().saturating_sub(first);
        self.items.push_back(item);
        if waiting < WAITING {
            return 0;
        }
        let last = self.items.len().saturating_sub(1);
        let new_is_state = self.items.back().is_some_and(|item| item.news.is_state());
        // What only happened goes first; a state goes only for a later one.
        let event = self.items.iter().skip(first).position(|item| !item.news.is_state());
        let victim = match event {
            Some(place) => place.saturating_add(first),
            None if new_is_state => first,
            None => last,
        };
        self.items.remove(victim);
        self.left_out = self.left_out.saturating_add(1);
        1
    }

    /// The end of the daemon overtakes everything that has not begun. Says how much that was.
    pub(super) fn overtake(&mut self, item: Item) -> usize {
        self.forget_told();
        let first = usize::from(self.running.is_some());
        let gone = self.items.len().saturating_sub(first);
        self.items.truncate(first);
        // Of what has begun, only the command that runs.
        self.items.iter_mut().for_each(|begun| begun.commands.clear());
        self.items.push_back(item);
        gone
    }

    /// The next command, if none is running.
    pub(super) fn next(&mut self) -> Option<Order> {
        if self.running.is_some() {
            return None;
        }
        self.forget_told();
        let item = self.items.front_mut()?;
        let (news, priority) = (item.news, item.priority);
        let (generation, command) = item.commands.pop_front()?;
        Some(Order { generation, command, news, priority })
    }

    pub(super) fn begin(&mut self, run: RunId, news: News) {
        self.running = Some((run, news));
    }

    pub(super) fn ended(&mut self) {
        self.running = None;
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.items.iter().all(|item| item.commands.is_empty())
    }

    /// What was left out, once all the rest is told.
    pub(super) fn take_left_out(&mut self) -> Option<u64> {
        let count = if self.is_idle() { std::mem::take(&mut self.left_out) } else { 0 };
        (count > 0).then_some(count)
    }

    /// The first one, if all its commands have run.
    fn forget_told(&mut self) {
        let is_told = self.items.front().is_some_and(|item| item.commands.is_empty());
        if self.running.is_none() && is_told {
            self.items.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(news: News, priority: u8) -> Item {
        let commands = VecDeque::from([(Generation(1), NotifyId(1))]);
        Item { news, priority, commands }
    }

    /// Runs all that is left and returns what was told.
    fn drain(queue: &mut Queue) -> Vec<(News, u8)> {
        queue.ended();
        std::iter::from_fn(|| queue.next()).map(|order| (order.news, order.priority)).collect()
    }

    #[test]
    fn one_at_a_time_and_in_order() {
        let mut queue = Queue::default();
        for priority in 1..4 {
            assert_eq!(queue.push(item(News::Backup, priority)), 0);
        }
        let first = queue.next().unwrap();
        assert_eq!(first.priority, 1);
        queue.begin(RunId(1), first.news);
        assert_eq!(queue.next(), None);
        assert!(!queue.is_idle());
        assert_eq!(drain(&mut queue), [(News::Backup, 2), (News::Backup, 3)]);
        assert!(queue.is_idle());
    }

    #[test]
    fn the_last_state_is_told_whatever_is_left_out() {
        for flips in 1..40u8 {
            let mut queue = Queue::default();
            queue.push(item(News::Backup, 0));
            queue.next();
            queue.begin(RunId(1), News::Backup);
            let mut left_out = 0;
            for n in 1..=flips {
                let news = if n % 2 == 0 { News::Backup } else { News::Master };
                left_out += queue.push(item(news, n));
                left_out += queue.push(item(News::MasterPriority, n));
            }
            let told = drain(&mut queue);
            assert!(told.len() <= WAITING, "{told:?}");
            let state = told.iter().rfind(|(news, _)| news.is_state()).unwrap();
            assert_eq!(state.1, flips, "{told:?}");
            assert_eq!(told.len() + left_out, usize::from(flips) * 2);
            assert_eq!(queue.take_left_out(), Some(left_out as u64).filter(|n| *n > 0));
            assert_eq!(queue.take_left_out(), None);
        }
    }

    #[test]
    fn what_only_happened_is_left_out_before_a_state() {
        let mut queue = Queue::default();
        for n in 0..20 {
            queue.push(item(News::Backup, 1));
            queue.push(item(News::MasterRxLowerPri, n));
        }
        assert!(drain(&mut queue).iter().all(|(news, _)| *news == News::Backup));
    }

    #[test]
    fn the_end_overtakes_what_has_not_begun() {
        let mut queue = Queue::default();
        for n in 1..=3 {
            queue.push(item(News::Backup, n));
        }
        let first = queue.next().unwrap();
        queue.begin(RunId(1), first.news);
        assert_eq!(queue.overtake(item(News::Stop, 9)), 2);
        assert_eq!(queue.next(), None);
        assert_eq!(drain(&mut queue), [(News::Stop, 9)]);
        assert_eq!(queue.overtake(item(News::Stop, 9)), 0);
        assert_eq!(drain(&mut queue), [(News::Stop, 9)]);
    }
}
