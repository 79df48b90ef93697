//! Counters under the names of RFC 2787 and RFC 6527 as keepalived's JSON has them. They only
//! count; nothing is decided by them.

use crate::action::Notice;
use crate::wire::Discard;

/// Declares counters and their names in one place, so that none is left out when printed.
macro_rules! counters {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: u64,)*
        }

        impl $name {
            /// Name and value of each, in the order of the declaration.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($field), self.$field),)*].into_iter()
            }
        }
    };
}

counters!(
    /// Per virtual router.
    Counters {
        /// Adverts that passed all checks.
        advert_rcvd,
        advert_sent,
        become_master,
        release_master,
        /// Another advertisement interval than ours; VRRPv3 does not drop for it.
        advert_interval_err,
        ip_ttl_err,
        /// Another address list than ours, or one that does not begin with a link-local address.
        addr_list_err,
        /// An authentication type that does not exist.
        invalid_authtype,
        /// An authentication type other than ours.
        authtype_mismatch,
        /// The wrong password.
        auth_failure,
        pri_zero_rcvd,
        pri_zero_sent,
        checksum_err,
        /// Adverts with a checksum that is right in another form than that of ours.
        other_checksum,
        version_err,
        vrid_err,
        /// Neither the group nor, with peers, a unicast address.
        destination_err,
        /// Not from a peer, or from no address a router can have.
        source_err,
        /// From our own address: a loop or a duplicate.
        own_address_err,
        /// Adverts that an owner does not listen to.
        owner_ignored,
    }
);

counters!(
    /// Per interface: what is dropped before the virtual router is known.
    RxCounters {
        header_err,
        fragment_err,
        ip_ttl_err,
        version_err,
        invalid_type_rcvd,
        packet_len_err,
        checksum_err,
        vrid_err,
    }
);

impl Counters {
    /// Counts what a router dropped; what `wire` drops never reaches one and changes nothing here.
    pub fn count(&mut self, why: Discard) {
        let counter = match why {
            Discard::Header | Discard::Fragment | Discard::Type | Discard::Length => return,
            Discard::Ttl => &mut self.ip_ttl_err,
            Discard::Version => &mut self.version_err,
            Discard::Checksum => &mut self.checksum_err,
            Discard::Vrid => &mut self.vrid_err,
            Discard::Destination => &mut self.destination_err,
            Discard::Source => &mut self.source_err,
            Discard::OwnAddress => &mut self.own_address_err,
            Discard::AuthType => &mut self.invalid_authtype,
            Discard::AuthMismatch => &mut self.authtype_mismatch,
            Discard::AuthFailure => &mut self.auth_failure,
            Discard::Interval => &mut self.advert_interval_err,
            Discard::FirstAddress | Discard::AddressList => &mut self.addr_list_err,
            Discard::Owner => &mut self.owner_ignored,
        };
        add(counter);
    }

    pub(crate) fn notice(&mut self, what: Notice) {
        let counter = match what {
            Notice::AddressList { .. } => &mut self.addr_list_err,
            Notice::Interval { .. } => &mut self.advert_interval_err,
            Notice::OtherChecksum { .. } => &mut self.other_checksum,
            Notice::CappedInterval { .. }
            | Notice::SamePriority { .. }
            | Notice::OwnerHeard { .. }
            | Notice::NotOwner { .. }
            | Notice::FirstAddress { .. } => return,
        };
        add(counter);
    }
}

impl RxCounters {
    /// Counts what `wire` or the look-up of the VRID dropped; a router's own reasons are counted
    /// by the router and change nothing here.
    pub fn count(&mut self, why: Discard) {
        let counter = match why {
            Discard::Header => &mut self.header_err,
            Discard::Fragment => &mut self.fragment_err,
            Discard::Ttl => &mut self.ip_ttl_err,
            Discard::Version => &mut self.version_err,
            Discard::Type => &mut self.invalid_type_rcvd,
            Discard::Length => &mut self.packet_len_err,
            Discard::Checksum => &mut self.checksum_err,
            Discard::Vrid => &mut self.vrid_err,
            Discard::Destination
            | Discard::Source
            | Discard::OwnAddress
            | Discard::AuthType
            | Discard::AuthMismatch
            | Discard::AuthFailure
            | Discard::Interval
            | Discard::FirstAddress
            | Discard::Owner
            | Discard::AddressList => return,
        };
        add(counter);
    }
}

pub(crate) fn add(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
