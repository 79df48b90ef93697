//! What stands in the blocks that vipd does not serve yet. The blocks are skipped whole; their
//! keywords are listed to be told where they belong.

use super::Context::{Bfd, GarpGroup, Hmac, TrackFile};
use super::Row;
use super::Served::{NotYet, Refused};
use super::Shape::{Block, Line};

const WITH_ITS_BLOCK: &str = "skipped with its block";

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    (NotYet, TrackFile, Line, "file weight init_file", WITH_ITS_BLOCK),
    (NotYet, Bfd, Line, "neighbor_ip neighbour_ip source_ip min_rx min_tx idle_tx multiplier
        passive ttl hoplimit max_hops multihop weight vrrp checker", WITH_ITS_BLOCK),
    (NotYet, GarpGroup, Line, "garp_interval gna_interval interface", WITH_ITS_BLOCK),
    (NotYet, GarpGroup, Block, "interfaces", WITH_ITS_BLOCK),
    (Refused, Hmac, Line, "key active_key anti_replay time_window mode", WITH_ITS_BLOCK),
];
