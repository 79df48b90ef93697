//! The words of nf_tables that the rules are written in: each builds one message, or one expression
//! of a rule. Decides nothing.

use netlink_packet_netfilter::nftables::{
    ChainAttribute, ChainMessage, Cmp, DataAttribute, Expressions, Hook, Immediate, InetHookNumber,
    ListAttribute, Lookup, Meta, MetaKey, NfTablesMessage, Operator, Payload, Register,
    RuleAttribute, RuleMessage, SetAttribute, SetDescription, SetElementAttribute, SetElementList,
    SetElementMessage, SetFlags, SetMessage, TableAttribute, TableFlags, TableMessage, Verdict,
    VerdictAttribute,
};

/// NF_DROP
const DROP: u32 = 0;
/// NF_ACCEPT
const ACCEPT: u32 = 1;
/// NFT_LOOKUP_F_INV
const INVERTED: u32 = 1;
/// NFT_PAYLOAD_NETWORK_HEADER, NFT_PAYLOAD_TRANSPORT_HEADER
pub(super) const NETWORK: u32 = 1;
pub(super) const TRANSPORT: u32 = 2;
/// NFPROTO_IPV4, NFPROTO_IPV6
pub(super) const IPV4: u8 = 2;
pub(super) const IPV6: u8 = 10;

/// What the keys of a set are, as programs that list sets number it; the kernel does not care.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    Ipv4 = 7,
    Ipv6 = 8,
    Interface = 20,
}

/// NFTNL_UDATA_SET_KEYBYTEORDER and the order of the machine: a note for programs that list sets.
const KEY_ORDER: u8 = 0;
const HOST_ORDER: u32 = 1;

/// Elements in one message: the length of an attribute has 16 bits.
pub(super) const CHUNK: usize = 1000;

pub(super) fn table(name: &str, flags: Option<TableFlags>) -> TableMessage {
    let mut attributes = vec![TableAttribute::Name(name.to_owned())];
    attributes.extend(flags.map(TableAttribute::Flags));
    TableMessage { attributes }
}

/// A chain of the kind "filter" with the usual priority, that accepts what no rule drops.
pub(super) fn chain(table: &str, name: &str, hook: InetHookNumber) -> NfTablesMessage {
    let hook = vec![Hook::Number(hook.into()), Hook::Priority(0)];
    let attributes = vec![
        ChainAttribute::Table(table.to_owned()),
        ChainAttribute::Name(name.to_owned()),
        ChainAttribute::Hook(hook),
        ChainAttribute::Type("filter".to_owned()),
        ChainAttribute::Policy(ACCEPT),
    ];
    NfTablesMessage::NewChain(ChainMessage { attributes })
}

/// A set whose elements are given now and never change. `id` is unique in the transaction.
pub(super) fn set(
    table: &str,
    name: &str,
    id: u32,
    key: Key,
    bytes: u32,
    size: u32,
) -> NfTablesMessage {
    let mut attributes = vec![
        SetAttribute::Table(table.to_owned()),
        SetAttribute::Name(name.to_owned()),
        SetAttribute::Flags(SetFlags::Constant),
        SetAttribute::KeyType(key as u32),
        SetAttribute::KeyLen(bytes),
        SetAttribute::Id(id),
        SetAttribute::Description(vec![SetDescription::Size(size)]),
    ];
    if matches!(key, Key::Interface) {
        let [a, b, c, d] = HOST_ORDER.to_ne_bytes();
        attributes.push(SetAttribute::UserData(vec![KEY_ORDER, 4, a, b, c, d]));
    }
    NfTablesMessage::NewSet(SetMessage { attributes })
}

/// At most `CHUNK` of them.
pub(super) fn elements(table: &str, set: &str, keys: &[Vec<u8>]) -> NfTablesMessage {
    let element = |key: &Vec<u8>| {
        let key = SetElementAttribute::Key(DataAttribute::Value(key.clone()));
        ListAttribute::Element(vec![key])
    };
    let attributes = vec![
        SetElementList::Table(table.to_owned()),
        SetElementList::Set(set.to_owned()),
        SetElementList::Elements(keys.iter().map(element).collect()),
    ];
    NfTablesMessage::NewSetElement(SetElementMessage { attributes })
}

pub(super) fn rule(table: &str, chain: &str, expressions: Vec<Expressions>) -> NfTablesMessage {
    let expressions = expressions.into_iter().map(ListAttribute::from).collect();
    let attributes = vec![
        RuleAttribute::Table(table.to_owned()),
        RuleAttribute::Chain(chain.to_owned()),
        RuleAttribute::Expressions(expressions),
    ];
    NfTablesMessage::NewRule(RuleMessage { attributes })
}

pub(super) fn meta(key: MetaKey) -> Expressions {
    Expressions::Meta(vec![Meta::Key(key), Meta::DestinationRegister(Register::Reg1)])
}

pub(super) fn payload(base: u32, offset: u32, length: u32) -> Expressions {
    Expressions::Payload(vec![
        Payload::DestinationRegister(Register::Reg1),
        Payload::Base(base),
        Payload::Offset(offset),
        Payload::Len(length),
    ])
}

pub(super) fn compare(operator: Operator, value: &[u8]) -> Expressions {
    Expressions::Cmp(vec![
        Cmp::SourceRegister(Register::Reg1),
        Cmp::Op(operator),
        Cmp::Data(DataAttribute::Value(value.to_vec())),
    ])
}

pub(super) fn equals(value: &[u8]) -> Expressions {
    compare(Operator::Equal, value)
}

pub(super) fn is_in(set: &str) -> Expressions {
    let set = Lookup::Set(set.to_owned());
    Expressions::Lookup(vec![set, Lookup::SourceRegister(Register::Reg1)])
}

pub(super) fn is_not_in(set: &str) -> Expressions {
    let set = Lookup::Set(set.to_owned());
    let inverted = Lookup::Flags(INVERTED);
    Expressions::Lookup(vec![set, Lookup::SourceRegister(Register::Reg1), inverted])
}

pub(super) fn counter() -> Expressions {
    Expressions::Other { expression_type: "counter".to_owned(), attributes: Vec::new() }
}

pub(super) fn accept() -> Expressions {
    verdict(ACCEPT)
}

pub(super) fn drop() -> Expressions {
    verdict(DROP)
}

fn verdict(code: u32) -> Expressions {
    let code = VerdictAttribute::Code(Verdict::Other(code));
    Expressions::Immediate(vec![
        Immediate::DestinationRegister(Register::Verdict),
        Immediate::Data(DataAttribute::Verdict(vec![code])),
    ])
}
