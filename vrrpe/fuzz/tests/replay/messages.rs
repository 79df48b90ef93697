//! One message of every variant of every direction: the seeds of the target `ipc`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use vipd_ipc::msg::{
    ADVERT_MAX, ADVERTISED_MAX, Act, CheckerToEngine, CheckerToParent, EngineToChecker,
    EngineToParent, LeaseEnd, Level, ParentToChecker, ParentToEngine, ParentToStarter,
    StarterToParent, TEXT_MAX, Why,
};
use vipd_ipc::report::{Counts, InstanceStatus, Part, TrackerStatus};
use vipd_ipc::slice::{
    AuthSlice, CheckSlice, FileSlice, GroupSlice, HttpSlice, InstanceSlice, Place, ProbeSlice,
    ProcessMatch, ProcessSlice, Reach, SocketSlice, TalkSlice, TlsSlice, TrackSlice, TrackerKind,
    TrackerSlice, Trust,
};
use vipd_types::{
    ClientId, Epoch, Family, FifoId, Generation, GroupId, IfName, InstanceId, Instant, News,
    NotifyId, Object, Options, Outcome, Peer, Priority, RunId, ScriptId, SocketId, State,
    TrackerId, Version, Vrid, Weight,
};

const GENERATION: Generation = Generation(2);
const INSTANCE: InstanceId = InstanceId(7);
const EPOCH: Epoch = Epoch(3);
const SCRIPT: ScriptId = ScriptId(1);
const RUN: RunId = RunId(99);
const AT: Instant = Instant::from_nanos(3_600_000_000_000);

fn text(text: &str) -> String {
    text.into()
}

fn log() -> (Level, String) {
    (Level::Warning, text("(VI_1) dropped"))
}

fn status() -> InstanceStatus {
    InstanceStatus {
        instance: INSTANCE,
        state: State::Backup,
        since: AT,
        effective: Priority::DEFAULT,
        held: false,
        master: Some((IpAddr::V6(Ipv6Addr::LOCALHOST), 110)),
        interval: Duration::from_secs(1),
        down_after: Duration::from_millis(3609),
        deadline: Some(AT),
        last_sent: None,
        counts: Counts::default(),
    }
}

pub(crate) fn engine_to_parent() -> Vec<EngineToParent> {
    use EngineToParent as M;
    let (instance, epoch, (level, line)) = (INSTANCE, EPOCH, log());
    vec![
        M::Hello { build: text("0.1.0") },
        M::Log { level, text: line },
        M::Staged { generation: GENERATION },
        M::Alive { at: AT, advertised: vec![instance, InstanceId(8)] },
        M::Acquire { instance, epoch },
        M::Release { instance, epoch, why: Why::Yield },
        M::Announce { instance, epoch },
        M::Deposit { instance, copy: 0, last_will: vec![0x21, 51, 0, 1] },
        M::Notify { object: Object::Group(GroupId(1)), news: News::Fault, priority: 0 },
        M::Reload { client: ClientId(4) },
        M::Act { client: ClientId(4), act: ACT, seconds: Some(600) },
        M::Orphaned,
        M::Report(Part::Instances(vec![status()])),
        M::Report(Part::Trackers(vec![TrackerStatus { tracker: TrackerId(5), up: None }])),
        M::Report(Part::End),
        // As long as may be, and longer.
        M::Log { level, text: "x".repeat(TEXT_MAX) },
        M::Log { level, text: "x".repeat(TEXT_MAX + 1) },
        M::Alive { at: AT, advertised: vec![instance; ADVERTISED_MAX + 1] },
        M::Deposit { instance, copy: 127, last_will: vec![0x31; ADVERT_MAX + 1] },
    ]
}

pub(crate) fn parent_to_engine() -> Vec<ParentToEngine> {
    use ParentToEngine as M;
    let (instance, epoch, generation, socket) = (INSTANCE, EPOCH, GENERATION, SocketId(1));
    let source = Some(IpAddr::V6(Ipv6Addr::LOCALHOST));
    vec![
        M::Hello { build: text("0.1.0") },
        M::Begin { generation },
        M::Socket(SocketSlice {
            id: socket,
            interface: interface(),
            index: 2,
            family: Family::V4,
            least_ttl: 255,
            fresh: true,
        }),
        M::Tracker(TrackerSlice {
            id: TrackerId(5),
            name: text("chk_haproxy"),
            kind: TrackerKind::Script,
        }),
        M::Instance(Box::new(instance_slice())),
        M::Excluded { instance, addresses: vec![IpAddr::V4(Ipv4Addr::new(192, 0, 2, 200))] },
        M::Group(GroupSlice { id: GroupId(1), name: text("VG_1"), members: vec![instance] }),
        M::End { generation },
        M::Commit { generation },
        M::Abort { generation },
        M::Acquired { instance, epoch },
        M::NotAcquired { instance, epoch, reason: text("10.0.0.1 is there and not ours") },
        M::Released { instance, epoch },
        M::Lost { instance, epoch },
        M::Lapsed { instance, epoch },
        M::Leasing { leases: vec![LeaseEnd { instance, end: None }] },
        M::Leased { until: AT, leases: vec![LeaseEnd { instance, end: Some(AT) }] },
        M::Link { socket, up: true, source },
        M::Tracked { tracker: TrackerId(5), up: false, reason: text("the link is down") },
        M::Client { client: ClientId(4), uid: 0, may_act: true },
        M::Reloaded { client: ClientId(4), done: false, text: text("line 3: no") },
        M::Act { client: ClientId(4), act: ACT, seconds: None, granted: true },
        M::Report,
        M::Stop,
    ]
}

const ACT: Act = Act::Priority { instance: InstanceId(1), adds: -20 };

fn interface() -> IfName {
    IfName::new(b"eth0").unwrap()
}

fn instance_slice() -> InstanceSlice {
    let address = |last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
    let weight = Weight::try_from(-20).unwrap();
    InstanceSlice {
        id: INSTANCE,
        name: text("VI_1"),
        socket: SocketId(1),
        interface: interface(),
        vmac: Some(IfName::new(b"vrrp.51").unwrap()),
        vrid: Vrid::try_from(51).unwrap(),
        version: Version::V2,
        family: Family::V4,
        priority: Priority::DEFAULT,
        advert_int: Duration::from_secs(1),
        preempt: true,
        fast_handover: true,
        options: Options::default(),
        auth: AuthSlice::Pass(*b"secret12"),
        source: Some(address(3)),
        group: IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)),
        peers: vec![Peer::new(address(2))],
        check_unicast_src: true,
        addresses: vec![address(100), address(101)],
        excluded: Vec::new(),
        tracks: vec![TrackSlice { tracker: TrackerId(5), weight, reverse: false }],
        track_primary: true,
        lease: Some(Duration::from_secs(3)),
    }
}

pub(crate) fn checker_to_parent() -> Vec<CheckerToParent> {
    use CheckerToParent as M;
    let (level, line) = log();
    vec![
        M::Hello { build: text("0.1.0") },
        M::Log { level, text: line },
        M::Staged { generation: GENERATION },
        M::Alive { at: AT },
        M::Run { generation: GENERATION, script: SCRIPT, run: RUN },
    ]
}

pub(crate) fn parent_to_checker() -> Vec<ParentToChecker> {
    use ParentToChecker as M;
    let generation = GENERATION;
    let how = ProcessMatch::Pidof;
    let check = |probe| {
        M::Check(Box::new(CheckSlice {
            tracker: TrackerId(5),
            name: text("chk_haproxy"),
            probe,
            interval: Duration::from_secs(2),
            timeout: Duration::from_millis(1500),
            jitter: Duration::from_millis(100),
            rise: 2,
            fall: 3,
            init_fail: true,
        }))
    };
    vec![
        M::Hello { build: text("0.1.0") },
        M::Allow(Reach::Read(b"/run".into())),
        M::Begin { generation },
        check(ProbeSlice::Process(ProcessSlice::named(b"haproxy".into(), how))),
        check(ProbeSlice::Script(SCRIPT)),
        check(ProbeSlice::Number { path: b"/run/number".into() }),
        check(ProbeSlice::File(FileSlice {
            path: b"/run/ready".into(),
            max_age: Some(Duration::from_secs(60)),
            content: Some(b"OK".into()),
        })),
        check(ProbeSlice::Talk(Box::new(talk()))),
        M::End { generation },
        M::Commit { generation },
        M::Abort { generation },
        M::Done { run: RUN, outcome: Outcome::Exited(1), output: text("no server") },
        M::Stop,
    ]
}

fn talk() -> TalkSlice {
    TalkSlice {
        to: Place::Tcp((Ipv4Addr::LOCALHOST, 443).into()),
        http: Some(HttpSlice {
            target: text("/health"),
            host: text("web.example"),
            status: vec![(200, 299), (304, 304)],
            body: Some(b"OK".into()),
            tls: Some(TlsSlice {
                name: text("web.example"),
                trust: Trust::File(b"/etc/ssl/own.pem".into()),
            }),
        }),
    }
}

pub(crate) fn checker_to_engine() -> Vec<CheckerToEngine> {
    use CheckerToEngine as M;
    vec![
        M::Hello { build: text("0.1.0") },
        M::Alive { at: AT },
        M::Tracker { tracker: TrackerId(5), up: false, reason: text("no process haproxy") },
        M::Number { tracker: TrackerId(6), value: -10, reason: text("-10") },
    ]
}

pub(crate) fn engine_to_checker() -> Vec<EngineToChecker> {
    vec![EngineToChecker::Hello { build: text("0.1.0") }]
}

pub(crate) fn parent_to_starter() -> Vec<ParentToStarter> {
    use ParentToStarter as M;
    let generation = GENERATION;
    vec![
        M::Hello { build: text("0.1.0") },
        M::Stage { generation, digest: 0xcbf2_9ce4_8422_2325 },
        M::Commit { generation },
        M::Abort { generation },
        M::Run { generation, script: SCRIPT, run: RUN },
        M::Kill { run: RUN },
        M::Notify { generation, command: NotifyId(2), run: RUN, news: News::Master, priority: 150 },
        M::Read { generation, fifo: FifoId(0), run: RUN },
        M::Quit { run: RUN },
        M::Stop,
    ]
}

pub(crate) fn starter_to_parent() -> Vec<StarterToParent> {
    use StarterToParent as M;
    let (generation, (level, line)) = (GENERATION, log());
    vec![
        M::Hello { build: text("0.1.0") },
        M::Log { level, text: line },
        M::Staged { generation },
        M::Refused { generation, why: text("the file has changed") },
        M::Done { run: RUN, outcome: Outcome::TimedOut, output: text("no server") },
        M::Ended { run: RUN, outcome: Outcome::TimedOut },
    ]
}
