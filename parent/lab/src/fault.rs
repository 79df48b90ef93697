//! What goes wrong on a cable: which frames are lost, in which direction, how many of them. Only
//! says it; the switch port carries it out.

/// How a node's link is disturbed. Each replaces what was done to the link before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing passes in either direction; the node's card does not notice.
    Silent,
    /// The plug is pulled: the node's card loses its carrier.
    Carrier,
    /// The node hears nothing, but is heard.
    ToNode,
    /// The node is not heard, but hears.
    FromNode,
    /// So many of a hundred frames, of each direction, are lost.
    Loss(u8),
}

/// One kind of frames that is lost, unnoticed by the node's card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub direction: Direction,
    pub traffic: Traffic,
    /// So many of a hundred, at random; 100 and more is all.
    pub percent: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Both,
    ToNode,
    FromNode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    All,
    /// With ARP.
    Ipv4,
    /// With neighbour discovery.
    Ipv6,
    /// Of this VRID, or of all.
    AdvertsOverIpv4(Option<u8>),
    /// Of this VRID, or of all.
    AdvertsOverIpv6(Option<u8>),
}

impl Fault {
    /// All frames of this kind in both directions.
    pub const fn of(traffic: Traffic) -> Self {
        Self { direction: Direction::Both, traffic, percent: 100 }
    }

    pub(crate) fn hits_to_node(self) -> bool {
        matches!(self.direction, Direction::Both | Direction::ToNode)
    }

    pub(crate) fn hits_from_node(self) -> bool {
        matches!(self.direction, Direction::Both | Direction::FromNode)
    }

    /// In the language of nft, for a chain of the netdev family.
    pub(crate) fn rule(self) -> String {
        let of = |vrid: Option<u8>| vrid.map_or(String::new(), |vrid| format!("@th,8,8 {vrid} "));
        let which = match self.traffic {
            Traffic::All => String::new(),
            Traffic::Ipv4 => "meta protocol { ip, arp } ".to_owned(),
            Traffic::Ipv6 => "meta protocol ip6 ".to_owned(),
            Traffic::AdvertsOverIpv4(vrid) => format!("ip protocol 112 {}", of(vrid)),
            Traffic::AdvertsOverIpv6(vrid) => format!("ip6 nexthdr 112 {}", of(vrid)),
        };
        let some = match self.percent {
            100.. => String::new(),
            percent => format!("numgen random mod 100 < {percent} "),
        };
        format!("{which}{some}drop")
    }
}

impl Cut {
    /// `None` if it is not about frames.
    pub(crate) fn fault(self) -> Option<Fault> {
        let (direction, percent) = match self {
            Self::Carrier => return None,
            Self::Silent => (Direction::Both, 100),
            Self::ToNode => (Direction::ToNode, 100),
            Self::FromNode => (Direction::FromNode, 100),
            Self::Loss(percent) => (Direction::Both, percent),
        };
        Some(Fault { direction, traffic: Traffic::All, percent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let fault = Fault::of(Traffic::AdvertsOverIpv6(Some(51)));
        assert_eq!(fault.rule(), "ip6 nexthdr 112 @th,8,8 51 drop");
        let loss = Cut::Loss(30).fault().unwrap();
        assert_eq!(loss.rule(), "numgen random mod 100 < 30 drop");
        assert!(loss.hits_to_node() && loss.hits_from_node());
        assert!(!Cut::ToNode.fault().unwrap().hits_from_node());
    }
}
