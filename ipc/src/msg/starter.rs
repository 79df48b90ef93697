//! What the parent and the starter say to each other: numbers of commands of the configuration, which
//! both have read, and what became of them. No path, user or argument is ever in it.

use super::{Level, Message, TEXT_MAX};
use serde::{Deserialize, Serialize};
use vipd_types::{FifoId, Generation, News, NotifyId, Outcome, RunId, ScriptId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParentToStarter {
    Hello {
        build: String,
    },
    /// Read the configuration again; its digest must be this.
    Stage {
        generation: Generation,
        digest: u64,
    },
    Commit {
        generation: Generation,
    },
    Abort {
        generation: Generation,
    },
    Run {
        generation: Generation,
        script: ScriptId,
        run: RunId,
    },
    /// End a run and all that it started.
    Kill {
        run: RunId,
    },
    /// Run a notify command. What it is told beside its own arguments follows from `news` and
    /// `priority` and from the configuration. Its runs are numbered apart from those of scripts.
    Notify {
        generation: Generation,
        command: NotifyId,
        run: RunId,
        news: News,
        priority: u8,
    },
    /// Run the script that reads a FIFO; numbered with the notify commands.
    Read {
        generation: Generation,
        fifo: FifoId,
        run: RunId,
    },
    /// Have a notify command or a reader end, soon.
    Quit {
        run: RunId,
    },
    Stop,
}

impl Message for ParentToStarter {
    fn is_bounded(&self) -> bool {
        true
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StarterToParent {
    Hello {
        build: String,
    },
    Log {
        level: Level,
        text: String,
    },
    Staged {
        generation: Generation,
    },
    Refused {
        generation: Generation,
        why: String,
    },
    /// With the first that a check has printed, on one line.
    Done {
        run: RunId,
        outcome: Outcome,
        output: String,
    },
    /// A notify command or a reader is gone, or never began.
    Ended {
        run: RunId,
        outcome: Outcome,
    },
}

impl Message for StarterToParent {
    fn is_bounded(&self) -> bool {
        match self {
            Self::Hello { build: text }
            | Self::Log { text, .. }
            | Self::Refused { why: text, .. } => text.len() <= TEXT_MAX,
            Self::Done { output, .. } => output.len() <= TEXT_MAX,
            Self::Staged { .. } | Self::Ended { .. } => true,
        }
    }
}
