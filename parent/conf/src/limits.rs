//! How much of a thing a configuration may hold, where an instance, a check or a group would not
//! fit into one message between the processes otherwise. Numbers only; the parent's tests hold them
//! against the messages.

/// Longest name of an instance, a script, a group or a process, in bytes.
pub const NAME_MAX: usize = 255;
/// Unicast peers of an instance.
pub const PEERS_MAX: usize = 128;
/// Scripts that an instance tracks, with those of its group.
pub const TRACKS_MAX: usize = 256;
/// Members of a sync group.
pub const MEMBERS_MAX: usize = 3500;
/// Longest path of a file, in bytes.
pub const PATH_MAX: usize = 1023;
/// Longest path of a UNIX socket, as the kernel has it.
pub const SOCKET_PATH_MAX: usize = 107;
/// Longest piece of an answer or a file that a check looks for, and longest path of a URL.
pub const WORDS_MAX: usize = 1024;
/// Ranges of status codes of a check.
pub const STATUS_MAX: usize = 32;
